import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { keys } from '@/api/keys';

/** Whoever signs in in one tab is signed in in all: the others look again at once. */
export function useOtherTabs(signedIn: boolean): void {
  const cache = useQueryClient();
  useEffect(() => {
    const others = new BroadcastChannel('imgtag-session');
    others.onmessage = () => void cache.refetchQueries({ queryKey: keys.session });
    if (signedIn) others.postMessage('signed in');
    return () => others.close();
  }, [cache, signedIn]);
}
