import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import type { Query } from '@/api/types';
import { emptyFilter, formatFilter, included, matchMode, parseFilter } from '@/lib/photo-filter';

export type Mode = 'any' | 'all';

export interface LabelChoice {
  ticked: readonly string[];
  mode: Mode;
  query: Pick<Query, 'all' | 'any'>;
  /** The address of the photos page that shows the same photos. */
  photosAddress: string;
  toggle: (label: string) => void;
  setMode: (mode: Mode) => void;
  clear: () => void;
}

/** The ticked labels, kept in the page's address: going back brings them back. */
export function useLabelChoice(): LabelChoice {
  const [params, setParams] = useSearchParams();
  const filter = useMemo(() => parseFilter(params), [params]);
  const ticked = included(filter);
  const mode: Mode = filter.all.length > 0 ? 'all' : 'any';
  const set = (labels: readonly string[], next: Mode) => {
    const plain = { ...emptyFilter, any: [...labels] };
    setParams(formatFilter(matchMode(plain, next)), { replace: true, preventScrollReset: true });
  };
  return {
    ticked,
    mode,
    query: mode === 'all' ? { all: ticked } : { any: ticked },
    photosAddress: `/photos?${formatFilter(matchMode({ ...emptyFilter, any: ticked }, mode)).toString()}`,
    toggle: (label) => set(ticked.includes(label) ? ticked.filter((one) => one !== label) : [...ticked, label], mode),
    setMode: (next) => set(ticked, next),
    clear: () => set([], 'any'),
  };
}
