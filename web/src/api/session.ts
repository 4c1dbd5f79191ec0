import { type QueryClient, queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { answer, client } from './client';
import { ApiError } from './errors';
import { keys } from './keys';

const config = queryOptions({
  queryKey: keys.config,
  queryFn: ({ signal }) => answer(client.GET('/api/config', { signal })),
  staleTime: Infinity,
});

const session = queryOptions({
  queryKey: keys.session,
  queryFn: async ({ signal }) => {
    try {
      return await answer(client.GET('/api/session', { signal }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
});

export const useConfig = () => useQuery(config);

/** Who is signed in; null when nobody is. */
export const useSession = () => useQuery(session);

/** Asks for both before there is a page, which goes on with what is under way. */
export async function prepareSession(cache: QueryClient): Promise<void> {
  await Promise.allSettled([cache.query(config), cache.query(session)]);
}

export function useSignIn() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: { username: string; password: string }) => answer(client.POST('/api/session', { body })),
    onSuccess: () => cache.invalidateQueries(),
  });
}

export function useSetUp() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: async (body: { code: string; username: string; password: string }) => {
      await answer(client.POST('/api/setup', { body }));
      const { username, password } = body;
      await answer(client.POST('/api/session', { body: { username, password } }));
    },
    onSuccess: () => cache.invalidateQueries(),
  });
}

export function useSignOut() {
  const cache = useQueryClient();
  const { data: config } = useConfig();
  const elsewhere = config?.auth.logout_url ?? null;
  return useMutation({
    mutationFn: () => answer(client.DELETE('/api/session')),
    onSuccess: async () => {
      // The provider still knows the person: without this, one click would sign in whoever comes next.
      if (elsewhere !== null) {
        window.location.assign(elsewhere);
        return;
      }
      cache.setQueryData(keys.session, null);
      cache.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'config' && queryKey[0] !== 'session' });
      await cache.invalidateQueries({ queryKey: keys.session });
    },
  });
}
