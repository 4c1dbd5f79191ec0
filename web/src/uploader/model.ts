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
  now: () => number;
}

const unfinished = new Set<UploadState>(['queued', 'hashing', 'waiting', 'uploading']);

export const isUnfinished = (item: UploadItem) => unfinished.has(item.state);
export const isRetryable = (item: UploadItem) =>
  item.file !== null && (item.state === 'failed' || item.state === 'cancelled');

export function toTicket(upload: Upload): Ticket {
  return {
    photoId: upload.photo_id ?? '',
    url: upload.url ?? '',
    method: upload.method ?? 'PUT',
    headers: upload.headers ?? {},
  };
}
