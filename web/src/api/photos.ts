import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import PQueue from 'p-queue';
import type { PhotoFilter } from '@/lib/photo-filter';
import { answer, client } from './client';
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

export function useLayout(scope: PhotoScope) {
  const query = listQuery(scope);
  return useQuery({
    queryKey: keys.layout(query),
    queryFn: ({ signal }) => answer(client.GET('/api/photos/layout', { params: { query }, signal })),
    select: (layout) => layout.photos as LayoutEntry[],
    placeholderData: keepPreviousData,
    refetchInterval: pollUnlessLive,
  });
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

/** Does one thing to many photos, six at a time. Gives the ids that it could not be done to. */
export async function actOnPhotos(action: PhotoAction, ids: readonly string[]): Promise<string[]> {
  const queue = new PQueue({ concurrency: 6 });
  const failed: string[] = [];
  for (const id of ids) {
    void queue.add(() => photoActions[action](id).then(undefined, () => failed.push(id)));
  }
  await queue.onIdle();
  return failed;
}

export const emptyTrash = () => answer(client.DELETE('/api/trash'));

export const thumbnailUrl = (id: string) => `/api/photos/${encodeURIComponent(id)}/thumbnail`;
export const originalUrl = (id: string) => `/api/photos/${encodeURIComponent(id)}/original`;
