import { applyDensity, applyMode, Density, Mode } from '@cloudscape-design/global-styles';
import { useLayoutEffect } from 'react';
import { useMedia } from '@/ui/use-media';
import { usePreferences } from '@/ui/use-preferences';

/** Puts the chosen theme and density on the page. */
export function useAppearance(): void {
  const { theme, density } = usePreferences();
  const systemIsDark = useMedia('(prefers-color-scheme: dark)');
  const dark = theme === 'dark' || (theme === 'system' && systemIsDark);
  useLayoutEffect(() => {
    applyMode(dark ? Mode.Dark : Mode.Light);
    applyDensity(density === 'compact' ? Density.Compact : Density.Comfortable);
    // Our custom properties start at the root, Cloudscape's class is on the body.
    document.documentElement.classList.toggle('awsui-dark-mode', dark);
  }, [dark, density]);
}
