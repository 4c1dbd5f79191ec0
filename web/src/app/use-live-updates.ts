import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { putBundle } from '@/api/bundles';
import { type EventName, type ServerEvent } from '@/api/event-source';
import { listen } from '@/api/events';
import { keys } from '@/api/keys';
import { liveness } from '@/api/polling';
import type { Bundle } from '@/api/types';
import { startWhenIdle } from '@/lib/when-idle';
import { throttle } from '@/lib/throttle';
import { useUploads } from '@/uploader/uploads-context';

type Cache = ReturnType<typeof useQueryClient>;

// Two thousand photos arriving must not mean two thousand requests.
const shortly = 700;
const soon = 1500;

function createRefreshers(cache: Cache): Record<EventName | 'open' | 'all', () => void> {
  const refresh = (queryKey: readonly unknown[], interval: number) =>
    throttle(() => void cache.invalidateQueries({ queryKey }), interval);
  const labels = refresh(keys.labels, shortly);
  const status = refresh(keys.status, shortly);
  const photos = refresh(keys.photos, soon);
  const bundles = refresh(keys.bundles, shortly);
  const imports = refresh(['imports'], shortly);
  const library = () => [labels, status, photos].forEach((run) => run());
  return {
    photo: library,
    labels: library,
    bundle: () => undefined,
    import: imports,
    // The server goes on with `labels`, which is what makes the page ask for the library.
    open: () => [bundles, imports].forEach((run) => run()),
    all: () => [labels, status, photos, bundles, imports].forEach((run) => run()),
  };
}

function asPhoto(data: unknown): { id: string; state: string } | null {
  return data !== null && typeof data === 'object' && 'id' in data && 'state' in data
    ? (data as { id: string; state: string })
    : null;
}

/** Keeps what is on the page true by what the server tells. */
export function useLiveUpdates(): void {
  const cache = useQueryClient();
  const { queue } = useUploads();
  useEffect(() => {
    const refreshers = createRefreshers(cache);
    // Asking once more is also what starts the polling.
    const unsubscribe = liveness.changed.subscribe(() => liveness.live || refreshers.all());
    const stop = startWhenIdle(() =>
      listen(({ name, data }: ServerEvent) => {
        refreshers[name]();
        const photo = name === 'photo' ? asPhoto(data) : null;
        if (photo) queue.settle(photo.id, photo.state);
        if (name === 'bundle' && asPhoto(data)) {
          putBundle(cache, data as Bundle);
        }
      }),
    );
    return () => {
      unsubscribe();
      stop();
    };
  }, [cache, queue]);
}
