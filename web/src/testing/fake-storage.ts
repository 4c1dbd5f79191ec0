import type { Upload } from '@/api/types';
import type { PickedFile, PutOptions, Ticket, UploadPorts } from '@/uploader/model';
import { tally } from '@/uploader/tally';
import type { UploadQueue } from '@/uploader/upload-queue';

export const limits = { maxBytes: 1_000_000, formats: ['image/jpeg'] };

export const pick = (name: string, content = name): PickedFile => ({
  file: new File([content], name, { type: name.endsWith('.jpg') ? 'image/jpeg' : 'text/plain' }),
  path: `trip/${name}`,
});

export const many = (count: number) => Array.from({ length: count }, (_, n) => pick(`${n}.jpg`));

/** A server in memory: it knows photos by content and can be told to fail. */
export class FakeStorage {
  readonly photos = new Map<string, string>();
  readonly batches: number[] = [];
  failing: (put: number) => Error | null = () => null;
  puts = 0;

  ports(overrides: Partial<UploadPorts> = {}): UploadPorts {
    return {
      hash: async (file) => `sha-${await file.text()}`,
      reserve: (files) => {
        this.batches.push(files.length);
        return Promise.resolve(
          files.map(({ file_name, sha256 }): Upload => {
            const known = this.photos.get(sha256 ?? '');
            if (known) return { file_name, status: 'duplicate', photo_id: known };
            return {
              file_name,
              status: 'new',
              photo_id: `photo-${sha256}`,
              url: `/put/${sha256}`,
              method: 'PUT',
              headers: {},
            };
          }),
        );
      },
      put: (ticket, file, options) => this.put(ticket, file, options),
      wait: () => Promise.resolve(),
      ...overrides,
    };
  }

  put(ticket: Ticket, file: File, { signal, onProgress }: PutOptions) {
    const failure = this.failing(this.puts++);
    onProgress(file.size / 2);
    return new Promise<object>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
      setTimeout(() => {
        if (failure) {
          reject(failure);
          return;
        }
        this.photos.set(ticket.url.slice('/put/'.length), ticket.photoId);
        resolve({});
      });
    });
  }
}

/** Waits until the queue has nothing left to do. */
export function settled(queue: UploadQueue): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      const { states } = tally(queue.items);
      if (states.queued + states.hashing + states.waiting + states.uploading > 0) return;
      unsubscribe();
      resolve();
    };
    const unsubscribe = queue.changed.subscribe(look);
    look();
  });
}

export const states = (queue: UploadQueue) => queue.items.map(({ state }) => state);
