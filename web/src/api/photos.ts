import {
  keepPreviousData,
  type QueryClient,
  queryOptions,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import PQueue from 'p-queue';
import { emptyFilter, type PhotoFilter } from '@/lib/photo-filter';
import { answer, client } from './client';
import { wasAskedEarly } from './early';
import { keys } from './keys';
import { pollUnlessLive } from './polling';
import type { LabelEdit, LayoutEntry, Photo, Query } from './types';

export interface PhotoScope extends PhotoFilter {
  trashed: boolean;
}

function listQuery(scope: PhotoScope) {
  return {
    all: scope.all,
    any: scope.any,
    none: scope.none,
    sort: scope.sort,
    q: scope.name || undefined,
    state: scope.state,
    unlabelled: scope.unlabelled || undefined,
    trashed: scope.trashed || undefined,
  };
}

/** What the server's bulk calls take of a filter: all but the dates. */
export function bulkQuery(filter: PhotoFilter): Query {
  const { all, any, none, unlabelled, state, name } = filter;
  return { all, any, none, unlabelled, state, q: name };
}

function isSameLayout(before: readonly LayoutEntry[], after: readonly LayoutEntry[]): boolean {
  const isSame = (entry: LayoutEntry, n: number) =>
    before[n] && entry.every((value, field) => value === before[n]?.[field]);
  return before.length === after.length && after.every(isSame);
}

function layoutOf(scope: PhotoScope) {
  const query = listQuery(scope);
  return queryOptions({
    queryKey: keys.layout(query),
    queryFn: async ({ signal }) => {
      const layout = await answer(client.GET('/api/photos/layout', { params: { query }, signal }));
      return layout.photos as LayoutEntry[];
    },
    // Ten thousand entries are the same or not; which of them are is more work than it saves.
    structuralSharing: (before, after) =>
      before && isSameLayout(before as LayoutEntry[], after as LayoutEntry[]) ? before : after,
  });
}

export function useLayout(scope: PhotoScope) {
  return useQuery({ ...layoutOf(scope), placeholderData: keepPreviousData, refetchInterval: pollUnlessLive });
}

/** Takes over the photos of the first screen where they were asked for early. */
export async function preparePhotos(cache: QueryClient): Promise<void> {
  const first = layoutOf({ ...emptyFilter, trashed: false });
  if (wasAskedEarly('/api/photos/layout?sort=-taken_at')) await cache.query(first);
}

/** The first few photos of a query, for a glance at what it holds. */
export function useSample(query: Pick<Query, 'all' | 'any'>, limit: number, enabled: boolean) {
  return useQuery({
    queryKey: keys.sample({ ...query, limit }),
    queryFn: ({ signal }) => answer(client.GET('/api/photos', { params: { query: { ...query, limit } }, signal })),
    select: (page) => page.photos,
    placeholderData: keepPreviousData,
    enabled,
  });
}

export function usePhoto(id: string) {
  return useQuery({
    queryKey: keys.photo(id),
    queryFn: ({ signal }) => answer(client.GET('/api/photos/{id}', { params: { path: { id } }, signal })),
    refetchInterval: pollUnlessLive,
  });
}

function applyEdit(photo: Photo, edit: LabelEdit): Photo {
  const kept = photo.labels.filter((label) => !edit.remove?.includes(label.name));
  const added = (edit.add ?? []).filter((name) => !kept.some((label) => label.name === name));
  const mine = added.map((name) => ({ name, confidence: 100, source: 'user' as const, parents: [] }));
  return { ...photo, labels: [...mine, ...kept] };
}

/** Edits one photo's labels; the page shows the result before the server has answered. */
export function useEditPhoto(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (labels: LabelEdit) =>
      answer(client.PATCH('/api/photos/{id}', { params: { path: { id } }, body: { labels } })),
    onMutate: async (edit) => {
      await cache.cancelQueries({ queryKey: keys.photo(id) });
      const before = cache.getQueryData<Photo>(keys.photo(id));
      if (before) cache.setQueryData(keys.photo(id), applyEdit(before, edit));
      return { before };
    },
    onError: (_error, _edit, context) => cache.setQueryData(keys.photo(id), context?.before),
    onSuccess: (photo) => cache.setQueryData(keys.photo(id), photo),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.labels }),
  });
}

/** The photos a bulk change is for: named one by one, or all that match. */
export type Target = { ids: readonly string[] } | { query: Query };

const batchSize = 500;

function inBatches<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / batchSize);
  return Array.from({ length: count }, (_, n) => items.slice(n * batchSize, (n + 1) * batchSize));
}

export async function editPhotos(target: Target, labels: LabelEdit): Promise<number> {
  if ('query' in target) {
    const { changed } = await answer(client.POST('/api/photos/edit', { body: { query: target.query, labels } }));
    return changed;
  }
  let total = 0;
  for (const photo_ids of inBatches(target.ids)) {
    const { changed } = await answer(client.POST('/api/photos/edit', { body: { photo_ids, labels } }));
    total += changed;
  }
  return total;
}

const path = (id: string) => ({ params: { path: { id } } });

export const photoActions = {
  trash: (id: string) => answer(client.DELETE('/api/photos/{id}', path(id))),
  restore: (id: string) => answer(client.POST('/api/photos/{id}/restore', path(id))),
  relabel: (id: string) => answer(client.POST('/api/photos/{id}/relabel', path(id))),
};

export type PhotoAction = keyof typeof photoActions;

/**
 * Does one thing to many photos, six at a time: the API has no call for several. Tells after each how
 * many are behind it, and gives the ids that it could not be done to.
 */
export async function actOnPhotos(
  action: PhotoAction,
  ids: readonly string[],
  onProgress: (done: number) => void = () => undefined,
): Promise<string[]> {
  const queue = new PQueue({ concurrency: 6 });
  const failed: string[] = [];
  let done = 0;
  for (const id of ids) {
    const call = () => photoActions[action](id).then(undefined, () => failed.push(id));
    void queue.add(() => call().then(() => onProgress((done += 1))));
  }
  await queue.onIdle();
  return failed;
}

export const emptyTrash = () => answer(client.DELETE('/api/trash'));

export const thumbnailUrl = (id: string) => `/api/photos/${encodeURIComponent(id)}/thumbnail`;
export const originalUrl = (id: string) => `/api/photos/${encodeURIComponent(id)}/original`;
