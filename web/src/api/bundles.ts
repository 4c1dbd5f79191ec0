import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { answer, client } from './client';
import { ApiError } from './errors';
import { keys } from './keys';
import { liveness } from './polling';
import type { Bundle, Query } from './types';

const unfinished = new Set<Bundle['state']>(['queued', 'restoring', 'building']);

export const isUnfinished = (bundle: Bundle) => unfinished.has(bundle.state);

export function useBundles() {
  return useQuery({
    queryKey: keys.bundles,
    queryFn: ({ signal }) => answer(client.GET('/api/bundles', { signal })),
    select: (page) => page.bundles,
    refetchInterval: ({ state }) => {
      if (liveness.live) return false;
      return state.data?.bundles.some(isUnfinished) ? 1000 : 10_000;
    },
    // A hidden page still has to say that a ZIP is ready.
    refetchIntervalInBackground: true,
  });
}

/** How many photos and bytes a bundle would hold, exactly. */
export function usePreview(query: Query, enabled: boolean) {
  return useQuery({
    queryKey: keys.preview(query),
    queryFn: ({ signal }) => answer(client.POST('/api/bundles/preview', { body: { query }, signal })),
    placeholderData: keepPreviousData,
    enabled,
  });
}

export interface BundleRequest {
  query: Query;
  name?: string;
  sidecars?: boolean;
  /** One per press of the button, so that asking again after a lost answer makes no second bundle. */
  key: string;
}

export function useCreateBundle() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ key, ...body }: BundleRequest) =>
      answer(client.POST('/api/bundles', { body, params: { header: { 'Idempotency-Key': key } } })),
    retry: (failures, error) => failures < 3 && error instanceof ApiError && error.worthRetrying,
    onSuccess: (bundle) => {
      putBundle(cache, bundle);
    },
  });
}

// crypto.randomUUID exists on secure origins only, and a server on the home network is not one.
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function useDeleteBundle() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => answer(client.DELETE('/api/bundles/{id}', { params: { path: { id } } })),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.bundles }),
  });
}

type BundlePage = { bundles: Bundle[]; next_cursor: string | null };
type Cache = ReturnType<typeof useQueryClient>;

/** Puts a bundle that the server told us of into the list, in its place or first. */
export function putBundle(cache: Cache, bundle: Bundle): void {
  cache.setQueryData<BundlePage>(keys.bundles, (page) => {
    if (page === undefined) return page;
    const known = page.bundles.some(({ id }) => id === bundle.id);
    const bundles = known ? page.bundles.map((b) => (b.id === bundle.id ? bundle : b)) : [bundle, ...page.bundles];
    return { ...page, bundles };
  });
}

export const archiveUrl = (bundle: Bundle) => `/api/bundles/${encodeURIComponent(bundle.id)}/archive`;
