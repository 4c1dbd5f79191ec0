import { useEffect } from 'react';
import { interrupted } from '@/lib/interrupted';
import { useUploadsView } from '@/uploader/uploads-context';

/** While files are still to go: asks before leaving, keeps the screen awake, and notes how many. */
export function useUploadGuard(): void {
  const { unfinished, paused, items } = useUploadsView();
  const busy = unfinished > 0;
  useEffect(() => {
    if (items.length > 0) interrupted.remember(unfinished);
  }, [unfinished, items.length]);
  useEffect(() => {
    if (!busy) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [busy]);
  useEffect(() => {
    if (!busy || paused || !('wakeLock' in navigator)) return;
    const lock = navigator.wakeLock.request('screen').catch(() => null);
    return () => void lock.then((held) => held?.release());
  }, [busy, paused]);
}
