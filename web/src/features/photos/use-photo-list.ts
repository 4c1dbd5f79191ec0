import { useMemo, useState } from 'react';
import { type PhotoScope, useLayout } from '@/api/photos';
import type { LayoutEntry } from '@/api/types';
import { isWithinDates } from '@/lib/photo-filter';
import type { Sized } from '@/lib/rows';

const usualRatio = 1.5;

function toSized([id, width, height, takenAt]: LayoutEntry): Sized {
  return { id, ratio: width && height ? width / height : usualRatio, ready: width !== null, takenAt };
}

function onlyAdds(before: readonly LayoutEntry[], after: readonly LayoutEntry[]): boolean {
  if (after.length <= before.length) return false;
  const ids = new Set(after.map(([id]) => id));
  return before.every(([id]) => ids.has(id));
}

interface Shown {
  key: string;
  entries: LayoutEntry[];
}

/**
 * The photos of a filter, in order. Photos that arrive while one is far down the page wait
 * (`arrived` counts them) until `showArrived`, so that nothing jumps under the pointer.
 */
export function usePhotoList(scope: PhotoScope) {
  const { data: latest, error, refetch, isPlaceholderData } = useLayout(scope);
  const key = JSON.stringify(scope);
  const [shown, setShown] = useState<Shown | null>(null);
  const adopt = (entries: LayoutEntry[]) => setShown({ key, entries });
  if (latest && !isPlaceholderData && shown?.entries !== latest) {
    const hold = shown?.key === key && window.scrollY > 300 && onlyAdds(shown.entries, latest);
    if (!hold) adopt(latest);
  }
  const entries = shown?.entries;
  const { from, to } = scope;
  const photos = useMemo(
    () => entries?.filter(([, , , takenAt]) => isWithinDates({ from, to }, takenAt)).map(toSized),
    [entries, from, to],
  );
  const waiting = latest && entries && !isPlaceholderData ? latest.length - entries.length : 0;
  return {
    photos,
    /** Nothing matches; and it is not the filter before, of which that is known. */
    empty: photos?.length === 0 && shown?.key === key,
    error: photos === undefined ? error : null,
    refetch,
    arrived: Math.max(0, waiting),
    showArrived: () => latest && adopt(latest),
  };
}
