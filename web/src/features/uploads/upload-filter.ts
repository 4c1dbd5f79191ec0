import { isUnfinished, type UploadItem } from '@/uploader/model';

export const uploadFilters = ['all', 'active', 'added', 'duplicate', 'problem'] as const;
export type UploadFilter = (typeof uploadFilters)[number];

const problem = new Set<UploadItem['state']>(['failed', 'rejected', 'cancelled']);

export function matches(item: UploadItem, filter: UploadFilter): boolean {
  switch (filter) {
    case 'all':
      return true;
    case 'active':
      return isUnfinished(item);
    case 'added':
      return item.state === 'stored' || item.state === 'labelled';
    case 'duplicate':
      return item.state === 'duplicate';
    case 'problem':
      return problem.has(item.state);
  }
}
