/** Which photos are shown, in words the server knows, plus two dates that are applied here. */
export interface PhotoFilter {
  all: string[];
  any: string[];
  none: string[];
  unlabelled: boolean;
  state?: 'stored' | 'labelled' | 'failed';
  name: string;
  from: string;
  to: string;
  sort: Sort;
}

export const sorts = ['-taken_at', 'taken_at', '-created_at', 'created_at'] as const;
export type Sort = (typeof sorts)[number];

export const emptyFilter: PhotoFilter = {
  all: [],
  any: [],
  none: [],
  unlabelled: false,
  name: '',
  from: '',
  to: '',
  sort: '-taken_at',
};

const states = ['stored', 'labelled', 'failed'] as const;
const isDate = (text: string) => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
const oneOf = <T extends string>(known: readonly T[], text: string | null) => known.find((value) => value === text);
const unique = (values: string[]) => [...new Set(values.filter((value) => value !== ''))];

/** Reads a filter from the address; what makes no sense there is left out. */
export function parseFilter(params: URLSearchParams): PhotoFilter {
  const date = (name: string) => {
    const text = params.get(name) ?? '';
    return isDate(text) ? text : '';
  };
  return {
    all: unique(params.getAll('all')),
    any: unique(params.getAll('any')),
    none: unique(params.getAll('none')),
    unlabelled: params.get('unlabelled') === 'true',
    state: oneOf(states, params.get('state')),
    name: params.get('q') ?? '',
    from: date('from'),
    to: date('to'),
    sort: oneOf(sorts, params.get('sort')) ?? '-taken_at',
  };
}

/** Writes a filter as an address, shortest form, so that equal filters have equal addresses. */
export function formatFilter(filter: PhotoFilter): URLSearchParams {
  const params = new URLSearchParams();
  for (const kind of ['all', 'any', 'none'] as const) for (const label of filter[kind]) params.append(kind, label);
  if (filter.unlabelled) params.set('unlabelled', 'true');
  if (filter.state) params.set('state', filter.state);
  if (filter.name) params.set('q', filter.name);
  if (filter.from) params.set('from', filter.from);
  if (filter.to) params.set('to', filter.to);
  if (filter.sort !== '-taken_at') params.set('sort', filter.sort);
  return params;
}

export function isFiltering(filter: PhotoFilter): boolean {
  return formatFilter({ ...filter, sort: '-taken_at' }).size > 0;
}

/** True when the filter has dates, which the server's queries do not know. */
export function hasDates(filter: PhotoFilter): boolean {
  return Boolean(filter.from || filter.to);
}

/** True when a photo taken then is between the filter's dates, both included, in local time. */
export function isWithinDates(filter: Pick<PhotoFilter, 'from' | 'to'>, takenAt: string | null): boolean {
  if (!filter.from && !filter.to) return true;
  if (takenAt === null) return false;
  const time = Date.parse(takenAt);
  if (filter.from && time < new Date(`${filter.from}T00:00:00`).getTime()) return false;
  return !filter.to || time <= new Date(`${filter.to}T23:59:59.999`).getTime();
}

export const included = (filter: PhotoFilter) => [...filter.all, ...filter.any];

/** Moves every wanted label to one side: photos with all of them, or with any. */
export function matchMode(filter: PhotoFilter, mode: 'all' | 'any'): PhotoFilter {
  const labels = included(filter);
  return mode === 'all' ? { ...filter, all: labels, any: [] } : { ...filter, all: [], any: labels };
}

export function withLabel(filter: PhotoFilter, label: string): PhotoFilter {
  if ([...included(filter), ...filter.none].includes(label)) return filter;
  const side = filter.any.length > 0 ? 'any' : 'all';
  return { ...filter, unlabelled: false, [side]: [...filter[side], label] };
}

export function withoutLabel(filter: PhotoFilter, label: string): PhotoFilter {
  const drop = (labels: string[]) => labels.filter((one) => one !== label);
  return { ...filter, all: drop(filter.all), any: drop(filter.any), none: drop(filter.none) };
}

/** Turns "has" into "has not", and back. */
export function flipLabel(filter: PhotoFilter, label: string): PhotoFilter {
  const rest = withoutLabel(filter, label);
  return filter.none.includes(label) ? withLabel(rest, label) : { ...rest, none: [...rest.none, label] };
}
