import type { PickedFile, UploadItem } from './model';

const typeByExtension: Record<string, string> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  jpe: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  heic: 'image/heic',
  heif: 'image/heif',
  hif: 'image/heif',
};

/** The type by extension where the browser has none, as Chromium has none for HEIC. */
export function contentType(file: Pick<File, 'name' | 'type'>): string {
  if (file.type !== '') return file.type;
  const extension = file.name.split('.').at(-1)?.toLowerCase() ?? '';
  return typeByExtension[extension] ?? '';
}

export interface Limits {
  maxBytes: number;
  formats: readonly string[];
}

/** Why a file can't be a photo here, before a byte of it is read; the server has the last word. */
export function refusal(file: File, limits: Limits): UploadItem['reason'] {
  if (file.size === 0) return { code: 'empty_file', detail: 'The file is empty.' };
  if (file.size > limits.maxBytes) return { code: 'too_large', detail: 'The file is larger than this server accepts.' };
  const type = contentType(file);
  const acceptable = type === '' ? !file.name.includes('.') : limits.formats.includes(type);
  return acceptable
    ? undefined
    : { code: 'unsupported_format', detail: 'Not a photo in a format that can be read here.' };
}

export function newItem(key: number, { file, path }: PickedFile, limits: Limits): UploadItem {
  const reason = refusal(file, limits);
  return {
    key,
    path,
    name: file.name,
    size: file.size,
    type: contentType(file) || 'application/octet-stream',
    state: reason ? 'rejected' : 'queued',
    sent: 0,
    attempts: 0,
    file: reason ? null : file,
    reason,
  };
}
