import { useSyncExternalStore } from 'react';
import { type Preferences, preferences } from '@/lib/preferences';

export function usePreferences(): Preferences {
  return useSyncExternalStore(preferences.subscribe, preferences.get);
}
