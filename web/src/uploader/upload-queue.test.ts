import { describe, expect, it } from 'vitest';
import { ApiError } from '@/api/errors';
import { FakeStorage, limits, many, pick, settled, states } from '@/testing/fake-storage';
import { tally } from './tally';
import { UploadQueue } from './upload-queue';

describe('UploadQueue', () => {
  it('stores every one of hundreds of files, and asks for tickets in batches of at most 100', async () => {
    const storage = new FakeStorage();
    const queue = new UploadQueue(storage.ports());
    queue.add(many(350), limits);
    await settled(queue);
    expect(tally(queue.items).states.stored).toBe(350);
    expect(storage.photos.size).toBe(350);
    expect(Math.max(...storage.batches)).toBeLessThanOrEqual(100);
  });

  it('sends nothing for photos that the server knows, and says which they equal', async () => {
    const storage = new FakeStorage();
    storage.photos.set('sha-0.jpg', 'photo-old');
    const queue = new UploadQueue(storage.ports());
    queue.add([pick('0.jpg')], limits);
    await settled(queue);
    expect(queue.items[0]).toMatchObject({ state: 'duplicate', photoId: 'photo-old' });
    expect(storage.puts).toBe(0);
  });

  it('shows refused files with their reason instead of dropping them', () => {
    const queue = new UploadQueue(new FakeStorage().ports());
    queue.add([pick('notes.txt'), pick('empty.jpg', ''), pick('big.jpg', 'x'.repeat(1_000_001))], limits);
    expect(queue.items.map(({ reason }) => reason?.code)).toEqual(['unsupported_format', 'empty_file', 'too_large']);
    expect(states(queue)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  it('tries again by itself when the server stumbles', async () => {
    const storage = new FakeStorage();
    storage.failing = (put) => (put % 3 === 0 ? new ApiError(503, 'unavailable', 'later') : null);
    const queue = new UploadQueue(storage.ports());
    queue.add(many(40), limits);
    await settled(queue);
    expect(tally(queue.items).states).toMatchObject({ stored: 40, failed: 0 });
  });

  it('keeps what failed for good retryable, through a pause and a resume', async () => {
    const storage = new FakeStorage();
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
    const storage = new FakeStorage();
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
    const storage = new FakeStorage();
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
    const storage = new FakeStorage();
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
    const storage = new FakeStorage();
    storage.failing = (put) => (put === 0 ? new ApiError(403, 'expired', 'too late') : null);
    const queue = new UploadQueue(storage.ports());
    queue.add([pick('0.jpg')], limits);
    await settled(queue);
    expect(states(queue)).toEqual(['stored']);
    expect(storage.batches).toEqual([1, 1]);
  });

  it('does not try again what the server refuses for good', async () => {
    const storage = new FakeStorage();
    storage.failing = () => new ApiError(413, 'too_large', 'too large');
    const queue = new UploadQueue(storage.ports());
    queue.add([pick('0.jpg')], limits);
    await settled(queue);
    expect(queue.items[0]).toMatchObject({ state: 'rejected', reason: { code: 'too_large' } });
    expect(storage.puts).toBe(1);
  });

  it('cancels what is not done, keeps what is, and can take it up again', async () => {
    const storage = new FakeStorage();
    const queue = new UploadQueue(storage.ports());
    queue.add(many(20), limits);
    queue.cancel();
    expect(tally(queue.items).states.cancelled).toBe(20);
    queue.retry();
    await settled(queue);
    expect(tally(queue.items).states.stored).toBe(20);
  });

  it('tells a file that cannot be read from one that cannot be sent', async () => {
    const queue = new UploadQueue(new FakeStorage().ports({ hash: () => Promise.reject(new Error('gone')) }));
    queue.add([pick('0.jpg')], limits);
    await settled(queue);
    expect(queue.items[0]).toMatchObject({ state: 'failed', reason: { code: 'unreadable_file' } });
  });

  it('learns what became of a stored photo', async () => {
    const queue = new UploadQueue(new FakeStorage().ports());
    queue.add([pick('0.jpg'), pick('1.jpg')], limits);
    await settled(queue);
    queue.settle('photo-sha-0.jpg', 'labelled');
    queue.settle('photo-sha-1.jpg', 'failed');
    expect(states(queue)).toEqual(['labelled', 'rejected']);
  });

  it('clears what went well first, and keeps what failed in sight', async () => {
    const storage = new FakeStorage();
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
