import { describe, expect, it } from 'vitest';
import { ApiError } from '@/api/errors';
import type { Upload } from '@/api/types';
import type { PickedFile, PutOptions, Ticket, UploadPorts } from './model';
import { tally } from './tally';
import { UploadQueue } from './upload-queue';

const limits = { maxBytes: 1_000_000, formats: ['image/jpeg'] };

const pick = (name: string, content = name): PickedFile => ({
  file: new File([content], name, { type: name.endsWith('.jpg') ? 'image/jpeg' : 'text/plain' }),
  path: `trip/${name}`,
});

const many = (count: number) => Array.from({ length: count }, (_, n) => pick(`${n}.jpg`));

/** A server in memory: it knows photos by content and can be told to fail. */
class Storage {
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
function settled(queue: UploadQueue): Promise<void> {
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

const states = (queue: UploadQueue) => queue.items.map(({ state }) => state);

describe('UploadQueue', () => {
  it('stores every one of hundreds of files, and asks for tickets in batches of at most 100', async () => {
    const storage = new Storage();
    const queue = new UploadQueue(storage.ports());
    queue.add(many(350), limits);
    await settled(queue);
    expect(tally(queue.items).states.stored).toBe(350);
    expect(storage.photos.size).toBe(350);
    expect(Math.max(...storage.batches)).toBeLessThanOrEqual(100);
  });

  it('sends nothing for photos that the server knows, and says which they equal', async () => {
    const storage = new Storage();
    storage.photos.set('sha-0.jpg', 'photo-old');
    const queue = new UploadQueue(storage.ports());
    queue.add([pick('0.jpg')], limits);
    await settled(queue);
    expect(queue.items[0]).toMatchObject({ state: 'duplicate', photoId: 'photo-old' });
    expect(storage.puts).toBe(0);
  });

  it('shows refused files with their reason instead of dropping them', () => {
    const queue = new UploadQueue(new Storage().ports());
    queue.add([pick('notes.txt'), pick('empty.jpg', ''), pick('big.jpg', 'x'.repeat(1_000_001))], limits);
    expect(queue.items.map(({ reason }) => reason?.code)).toEqual(['unsupported_format', 'empty_file', 'too_large']);
    expect(states(queue)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  it('tries again by itself when the server stumbles', async () => {
    const storage = new Storage();
    storage.failing = (put) => (put % 3 === 0 ? new ApiError(503, 'unavailable', 'later') : null);
    const queue = new UploadQueue(storage.ports());
    queue.add(many(40), limits);
    await settled(queue);
    expect(tally(queue.items).states).toMatchObject({ stored: 40, failed: 0 });
  });

  it('keeps what failed for good retryable, through a pause and a resume', async () => {
    const storage = new Storage();
    storage.failing = () => new ApiError(500, 'internal', 'broken');
    const queue = new UploadQueue(storage.ports());
    queue.add(many(6), limits);
    await settled(queue);
    queue.pause('user');
    queue.resume();
    expect(tally(queue.items).states.failed).toBe(6);
    storage.failing = () => null;
    queue.retry();
    await settled(queue);
    expect(tally(queue.items).states.stored).toBe(6);
  });

  it('pauses in the middle and goes on without losing or doubling a file', async () => {
    const storage = new Storage();
    const queue = new UploadQueue(storage.ports());
    queue.add(many(60), limits);
    await new Promise<void>((resolve) => {
      const unsubscribe = queue.changed.subscribe(() => {
        if (tally(queue.items).states.stored < 10) return;
        unsubscribe();
        resolve();
      });
    });
    queue.pause('user');
    const atPause = tally(queue.items).states.stored;
    expect(atPause).toBeLessThan(60);
    queue.resume();
    await settled(queue);
    expect(tally(queue.items).states).toMatchObject({ stored: 60, duplicate: 0, failed: 0 });
  });

  it('counts a photo whose interrupted send had arrived as stored, not as a duplicate', async () => {
    const storage = new Storage();
    const queue = new UploadQueue(
      storage.ports({
        put: async (ticket, file, options) => {
          await storage.put(ticket, file, { ...options, signal: new AbortController().signal });
          if (storage.puts === 1) throw new ApiError(0, 'unreachable', 'the answer was lost');
          return {};
        },
      }),
    );
    queue.add([pick('0.jpg')], limits);
    await settled(queue);
    expect(states(queue)).toEqual(['stored']);
  });

  it('waits for a new sign-in without counting it as a failure', async () => {
    const storage = new Storage();
    let expired = true;
    const queue = new UploadQueue(
      storage.ports({
        reserve: (files) =>
          expired ? Promise.reject(new ApiError(401, 'unauthenticated', '')) : storage.ports().reserve(files),
      }),
    );
    const paused = new Promise<void>((resolve) => {
      queue.changed.subscribe(() => {
        if (queue.paused === 'signed-out') resolve();
      });
    });
    queue.add(many(5), limits);
    await paused;
    expired = false;
    queue.resume();
    await settled(queue);
    expect(tally(queue.items).states.stored).toBe(5);
  });

  it('gets a new ticket when one has run out', async () => {
    const storage = new Storage();
    storage.failing = (put) => (put === 0 ? new ApiError(403, 'expired', 'too late') : null);
    const queue = new UploadQueue(storage.ports());
    queue.add([pick('0.jpg')], limits);
    await settled(queue);
    expect(states(queue)).toEqual(['stored']);
    expect(storage.batches).toEqual([1, 1]);
  });

  it('does not try again what the server refuses for good', async () => {
    const storage = new Storage();
    storage.failing = () => new ApiError(413, 'too_large', 'too large');
    const queue = new UploadQueue(storage.ports());
    queue.add([pick('0.jpg')], limits);
    await settled(queue);
    expect(queue.items[0]).toMatchObject({ state: 'rejected', reason: { code: 'too_large' } });
    expect(storage.puts).toBe(1);
  });

  it('cancels what is not done, keeps what is, and can take it up again', async () => {
    const storage = new Storage();
    const queue = new UploadQueue(storage.ports());
    queue.add(many(20), limits);
    queue.cancel();
    expect(tally(queue.items).states.cancelled).toBe(20);
    queue.retry();
    await settled(queue);
    expect(tally(queue.items).states.stored).toBe(20);
  });

  it('tells a file that cannot be read from one that cannot be sent', async () => {
    const queue = new UploadQueue(new Storage().ports({ hash: () => Promise.reject(new Error('gone')) }));
    queue.add([pick('0.jpg')], limits);
    await settled(queue);
    expect(queue.items[0]).toMatchObject({ state: 'failed', reason: { code: 'unreadable_file' } });
  });

  it('learns what became of a stored photo', async () => {
    const queue = new UploadQueue(new Storage().ports());
    queue.add([pick('0.jpg'), pick('1.jpg')], limits);
    await settled(queue);
    queue.settle('photo-sha-0.jpg', 'labelled');
    queue.settle('photo-sha-1.jpg', 'failed');
    expect(states(queue)).toEqual(['labelled', 'rejected']);
  });

  it('clears what went well first, and keeps what failed in sight', async () => {
    const storage = new Storage();
    storage.failing = (put) => (put === 0 ? new ApiError(422, 'damaged', '') : null);
    const queue = new UploadQueue(
      storage.ports({
        hash: (file) => (file.name === '1.jpg' ? Promise.reject(new Error()) : Promise.resolve(file.name)),
      }),
    );
    queue.add(many(3), limits);
    await settled(queue);
    queue.clear();
    expect(states(queue)).toEqual(['failed']);
    queue.clear();
    expect(queue.items).toEqual([]);
  });
});
