import type { UploadItem, UploadState } from './model';

export interface Totals {
  files: number;
  bytes: number;
  /** Bytes that need no more work: sent, known already, refused or given up. */
  doneBytes: number;
  /** Bytes that went over the network. */
  sentBytes: number;
  states: Record<UploadState, number>;
}

const none = (): Record<UploadState, number> => ({
  queued: 0,
  hashing: 0,
  waiting: 0,
  uploading: 0,
  stored: 0,
  labelled: 0,
  duplicate: 0,
  rejected: 0,
  failed: 0,
  cancelled: 0,
});

function doneBytes(item: UploadItem): number {
  const inWork = item.state === 'queued' || item.state === 'hashing' || item.state === 'waiting';
  if (inWork) return 0;
  return item.state === 'uploading' ? Math.min(item.sent, item.size) : item.size;
}

function sentBytes(item: UploadItem): number {
  if (item.state === 'uploading') return Math.min(item.sent, item.size);
  return item.state === 'stored' || item.state === 'labelled' ? item.size : 0;
}

/** Sums by walking the list: thousands of items take under a millisecond, and nothing can drift. */
export function tally(items: readonly UploadItem[]): Totals {
  const totals: Totals = { files: items.length, bytes: 0, doneBytes: 0, sentBytes: 0, states: none() };
  for (const item of items) {
    totals.bytes += item.size;
    totals.doneBytes += doneBytes(item);
    totals.sentBytes += sentBytes(item);
    totals.states[item.state] += 1;
  }
  return totals;
}

export function unfinishedCount({ states }: Totals): number {
  return states.queued + states.hashing + states.waiting + states.uploading;
}

const windowSeconds = 15;

/** Speed over the last seconds. */
export class RateMeter {
  #samples: { time: number; bytes: number }[] = [];

  add(time: number, bytes: number): void {
    this.#samples.push({ time, bytes });
    const oldest = time - windowSeconds * 1000;
    while ((this.#samples[0]?.time ?? time) < oldest) this.#samples.shift();
  }

  reset(): void {
    this.#samples = [];
  }

  /** Bytes per second, or null until there are three seconds to judge by. */
  rate(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.time - first.time < 3000) return null;
    return Math.max(0, (last.bytes - first.bytes) / ((last.time - first.time) / 1000));
  }
}
