import type { Upload, UploadFile } from '@/api/types';

/**
 * queued → hashing → waiting → uploading → stored → labelled
 * and out of it: duplicate, rejected, failed, cancelled.
 */
export type UploadState =
  | 'queued'
  | 'hashing'
  | 'waiting'
  | 'uploading'
  | 'stored'
  | 'labelled'
  | 'duplicate'
  | 'rejected'
  | 'failed'
  | 'cancelled';

export type PauseReason = 'user' | 'offline' | 'signed-out';

export interface PickedFile {
  file: File;
  /** Where it lay in the folder that was chosen, its own name last. */
  path: string;
}

export interface UploadItem {
  readonly key: number;
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly type: string;
  state: UploadState;
  /** Bytes sent so far. */
  sent: number;
  attempts: number;
  file: File | null;
  sha256?: string;
  photoId?: string;
  reason?: { code: string; detail: string };
}

export interface Ticket {
  photoId: string;
  url: string;
  method: string;
  headers: Record<string, string>;
}

/** What storage said to the bytes. S3 says nothing. */
export interface PutAnswer {
  photo_id?: string;
  status?: 'stored' | 'duplicate';
}

export interface PutOptions {
  signal: AbortSignal;
  onProgress: (sentBytes: number) => void;
}

/** All that the queue needs from outside, so that it can be tested without a browser. */
export interface UploadPorts {
  hash: (file: File) => Promise<string>;
  reserve: (files: UploadFile[]) => Promise<Upload[]>;
  put: (ticket: Ticket, file: File, options: PutOptions) => Promise<PutAnswer>;
  wait: (milliseconds: number) => Promise<void>;
}

const unfinished = new Set<UploadState>(['queued', 'hashing', 'waiting', 'uploading']);

export const isUnfinished = (item: UploadItem) => unfinished.has(item.state);
export const isRetryable = (item: UploadItem) =>
  item.file !== null && (item.state === 'failed' || item.state === 'cancelled');

/** What is left of a list once it is cleared: first all that went well goes, then what failed too. */
export function afterClearing(items: readonly UploadItem[]): UploadItem[] {
  const kept = items.filter((item) => isUnfinished(item) || isRetryable(item));
  return kept.length < items.length ? kept : kept.filter(isUnfinished);
}

export function toTicket(upload: Upload): Ticket {
  return {
    photoId: upload.photo_id ?? '',
    url: upload.url ?? '',
    method: upload.method ?? 'PUT',
    headers: upload.headers ?? {},
  };
}

export function toUploadFile({ name, size, type, sha256 }: UploadItem): UploadFile {
  return { file_name: name, size, content_type: type, sha256 };
}
