import { createContext, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import type { PauseReason, PickedFile, UploadItem } from './model';
import { RateMeter, tally, type Totals, unfinishedCount } from './tally';
import type { UploadQueue } from './upload-queue';

export interface UploadsView {
  items: readonly UploadItem[];
  totals: Totals;
  paused: PauseReason | null;
  unfinished: number;
  /** Bytes per second over the network; null while unknown. */
  rate: number | null;
  /** Until all is done, counting that known photos take no time; null while unknown. */
  secondsLeft: number | null;
}

interface Uploads {
  queue: UploadQueue;
  add: (files: readonly PickedFile[]) => void;
}

export const UploadsContext = createContext<Uploads | null>(null);

export function useUploads(): Uploads {
  const uploads = useContext(UploadsContext);
  if (uploads === null) throw new Error('useUploads needs an UploadsContext above it');
  return uploads;
}

const refreshMilliseconds = 150;

interface Meters {
  sent: RateMeter;
  done: RateMeter;
}

function measure(meters: Meters, totals: Totals, running: boolean): Pick<UploadsView, 'rate' | 'secondsLeft'> {
  if (!running) {
    meters.sent.reset();
    meters.done.reset();
    return { rate: null, secondsLeft: null };
  }
  meters.sent.add(performance.now(), totals.sentBytes);
  meters.done.add(performance.now(), totals.doneBytes);
  const done = meters.done.rate();
  return { rate: meters.sent.rate(), secondsLeft: done ? (totals.bytes - totals.doneBytes) / done : null };
}

function look(queue: UploadQueue, meters: Meters): UploadsView {
  const totals = tally(queue.items);
  const unfinished = unfinishedCount(totals);
  const measures = measure(meters, totals, unfinished > 0 && queue.paused === null);
  return { items: [...queue.items], totals, paused: queue.paused, unfinished, ...measures };
}

/** The queue as a value that changes a few times a second at most, however fast files go by. */
export function useUploadsView(): UploadsView {
  const { queue } = useUploads();
  const meters = useMemo(() => ({ sent: new RateMeter(), done: new RateMeter() }), []);
  const refresh = useCallback(() => look(queue, meters), [queue, meters]);
  const [view, setView] = useState(refresh);
  useEffect(() => {
    let timer: number | null = null;
    const unsubscribe = queue.changed.subscribe(() => {
      timer ??= window.setTimeout(() => {
        timer = null;
        setView(refresh());
      }, refreshMilliseconds);
    });
    return () => {
      unsubscribe();
      if (timer !== null) window.clearTimeout(timer);
    };
  }, [queue, refresh]);
  return view;
}
