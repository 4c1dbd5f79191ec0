/** ZIPs as S3 makes them: a local one is ready at once, so its states are shown by example. */
const building = {
  id: 'b1',
  name: '',
  query: { all: [], any: ['Lake'], none: [], unlabelled: false, state: null, q: '', photo_ids: [] },
  sidecars: false,
  state: 'building',
  photos: 100,
  bytes: 5_000_000,
  progress: { photos: 40, bytes: 2_000_000 },
  created_at: new Date().toISOString(),
  ready_at: null as string | null,
  expires_at: null as string | null,
  link: null as string | null,
  failure: null as { code: string; detail: string } | null,
};

export type Bundle = typeof building;

export const aBundle = (change: Partial<Bundle> = {}): Bundle => ({ ...building, ...change });

const soon = () => new Date(Date.now() + 86_000_000).toISOString();

export const aReadyBundle = (): Bundle => aBundle({ state: 'ready', link: '/b/abc', expires_at: soon() });

export function bundlesInEveryState(): Bundle[] {
  const failure = { code: 'missing_photo', detail: 'lake.jpg is gone from storage.' };
  return [
    aReadyBundle(),
    ...['queued', 'restoring', 'building', 'cancelled', 'expired'].map((state) => aBundle({ id: state, state })),
    aBundle({ id: 'failed', state: 'failed', failure }),
  ];
}
