import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { answer, client } from './client';
import { keys } from './keys';
import { pollUnlessLive } from './polling';
import type { NotificationsChange } from './types';

export function useStatus() {
  return useQuery({
    queryKey: keys.status,
    queryFn: ({ signal }) => answer(client.GET('/api/status', { signal })),
    refetchInterval: pollUnlessLive,
  });
}

export function useTokens() {
  return useQuery({
    queryKey: keys.tokens,
    queryFn: ({ signal }) => answer(client.GET('/api/tokens', { signal })),
    select: (page) => page.tokens,
  });
}

export interface TokenRequest {
  name: string;
  scopes: ('read' | 'write')[];
  expires_at?: string;
}

export function useCreateToken() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: TokenRequest) => answer(client.POST('/api/tokens', { body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.tokens }),
  });
}

export function useRevokeToken() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => answer(client.DELETE('/api/tokens/{id}', { params: { path: { id } } })),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.tokens }),
  });
}

export function useNotifications(enabled: boolean) {
  return useQuery({
    queryKey: keys.notifications,
    queryFn: ({ signal }) => answer(client.GET('/api/notifications', { signal })),
    enabled,
  });
}

export function useSaveNotifications() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: NotificationsChange) => answer(client.PUT('/api/notifications', { body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.notifications }),
  });
}

export function useStartImport() {
  return useMutation({
    mutationFn: (source: string) => answer(client.POST('/api/imports', { body: { source } })),
  });
}

/** Counts what an import would find, without copying anything. */
export function usePreviewImport() {
  return useMutation({
    mutationFn: (source: string) => answer(client.POST('/api/imports/preview', { body: { source } })),
  });
}

export function useCancelImport() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => answer(client.DELETE('/api/imports/{id}', { params: { path: { id } } })),
    onSettled: (_answer, _error, id) => cache.invalidateQueries({ queryKey: keys.import(id) }),
  });
}

const ended = new Set(['done', 'failed', 'cancelled']);

export const isUnderWay = (state: string) => !ended.has(state);

export function useImport(id: string | null) {
  return useQuery({
    queryKey: keys.import(id ?? ''),
    queryFn: ({ signal }) => answer(client.GET('/api/imports/{id}', { params: { path: { id: id ?? '' } }, signal })),
    enabled: id !== null,
    refetchInterval: ({ state }) => (state.data && ended.has(state.data.state) ? false : 1000),
  });
}
