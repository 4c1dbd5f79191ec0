import { useQuery } from '@tanstack/react-query';
import { answer, client } from './client';
import { keys } from './keys';
import { pollUnlessLive } from './polling';

export interface Label {
  name: string;
  count: number;
  /** Address of a thumbnail of one photo with this label. */
  cover: string | null;
}

/** Every label with at least one photo, most photos first. */
export function useLabels() {
  return useQuery({
    queryKey: keys.labels,
    queryFn: ({ signal }) => answer(client.GET('/api/labels', { params: { query: { covers: true } }, signal })),
    select: ({ labels }): Label[] =>
      Object.entries(labels).map(([name, { count, cover }]) => ({ name, count, cover: cover ?? null })),
    refetchInterval: pollUnlessLive,
  });
}
