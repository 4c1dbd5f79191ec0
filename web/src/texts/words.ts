import { formatNumber } from '@/lib/format';

/** "1 photo", "2,020 photos". */
export const counted = (one: string, many: string) => (n: number) => `${formatNumber(n)} ${n === 1 ? one : many}`;

export const photos = counted('photo', 'photos');
export const files = counted('file', 'files');

const list = {
  and: new Intl.ListFormat('en', { type: 'conjunction' }),
  or: new Intl.ListFormat('en', { type: 'disjunction' }),
};

interface QueryWords {
  all?: string[];
  any?: string[];
  none?: string[];
  unlabelled?: boolean;
  photo_ids?: string[];
}

/** A query as one would say it: "Lake and Mountain, without Person". */
export function queryInWords(query: QueryWords): string {
  const parts = [
    query.photo_ids?.length ? `${photos(query.photo_ids.length)} picked by hand` : '',
    query.all?.length ? list.and.format(query.all) : '',
    query.any?.length ? list.or.format(query.any) : '',
    query.unlabelled ? 'Without any label' : '',
  ].filter((part) => part !== '');
  const wanted = parts.join(', and ') || 'All photos';
  return query.none?.length ? `${wanted}, without ${list.or.format(query.none)}` : wanted;
}
