import PQueue from 'p-queue';
import type { Upload } from '@/api/types';
import { Emitter } from '@/lib/emitter';
import { type Limits, newItem } from './accept';
import {
  afterClearing,
  isRetryable,
  isUnfinished,
  type PauseReason,
  type PickedFile,
  type Ticket,
  toTicket,
  toUploadFile,
  type UploadItem,
  type UploadPorts,
} from './model';
import { backoffMilliseconds, judge, maxAttempts, reasons, refusalOf } from './trouble';

const hashers = 2;
const senders = 4;
const batchSize = 100;
/** Tickets live for minutes, so only as many are held as will soon be used. */
const ticketsAhead = 40;

/**
 * Takes files through hashing, a ticket from the server, and sending. Every file that was ever
 * added stays in `items` until it is cleared by hand, whatever happens to it.
 */
export class UploadQueue {
  readonly changed = new Emitter<void>();
  readonly items: UploadItem[] = [];
  paused: PauseReason | null = null;

  readonly #ports: UploadPorts;
  readonly #hashing = new PQueue({ concurrency: hashers });
  readonly #sending = new PQueue({ concurrency: senders });
  readonly #aborts = new Map<UploadItem, AbortController>();
  #hashed: UploadItem[] = [];
  #reserving = false;
  #nextKey = 0;

  constructor(ports: UploadPorts) {
    this.#ports = ports;
  }

  add(files: readonly PickedFile[], limits: Limits): void {
    for (const file of files) {
      const item = newItem(this.#nextKey++, file, limits);
      this.items.push(item);
      if (item.state === 'queued') void this.#hashing.add(() => this.#hash(item));
    }
    this.changed.emit();
  }

  pause(reason: PauseReason): void {
    // What the user paused stays paused when the network returns.
    this.paused = this.paused === 'user' ? 'user' : reason;
    this.#hashing.pause();
    for (const abort of this.#aborts.values()) abort.abort();
    this.changed.emit();
  }

  resume(): void {
    this.paused = null;
    this.#hashing.start();
    this.changed.emit();
    void this.#reserve();
  }

  retry(items: readonly UploadItem[] = this.items): void {
    for (const item of items.filter(isRetryable)) {
      Object.assign(item, { state: 'queued', attempts: 0, sent: 0, reason: undefined });
      void this.#hashing.add(() => this.#hash(item));
    }
    this.changed.emit();
  }

  cancel(items: readonly UploadItem[] = this.items): void {
    for (const item of items.filter(isUnfinished)) {
      item.state = 'cancelled';
      this.#aborts.get(item)?.abort();
    }
    this.#hashed = this.#hashed.filter(isUnfinished);
    this.changed.emit();
  }

  /** Forgets what needs no more attention. What failed stays, unless everything is to go. */
  clear(): void {
    this.items.splice(0, this.items.length, ...afterClearing(this.items));
    this.changed.emit();
  }

  /** Tells the queue what became of a photo after it was stored. */
  settle(photoId: string, state: string): void {
    const item = this.items.find((one) => one.photoId === photoId && one.state === 'stored');
    if (!item) return;
    if (state === 'labelled') this.#end(item, 'labelled');
    if (state === 'failed') this.#end(item, 'rejected', reasons.unreadablePhoto);
  }

  async #hash(item: UploadItem): Promise<void> {
    if (item.state !== 'queued' || item.file === null) return;
    item.state = 'hashing';
    this.changed.emit();
    try {
      item.sha256 ??= await this.#ports.hash(item.file);
      if (this.#was(item, 'hashing')) this.#wantTicket(item);
    } catch {
      if (this.#was(item, 'hashing')) this.#end(item, 'failed', reasons.unreadableFile);
    }
    void this.#reserve();
  }

  // Reads the state afresh: anything may have happened to the item during an await.
  #was(item: UploadItem, state: UploadItem['state']): boolean {
    return item.state === state;
  }

  #wantTicket(item: UploadItem): void {
    item.state = 'waiting';
    item.sent = 0;
    this.#hashed.push(item);
    this.changed.emit();
  }

  async #reserve(): Promise<void> {
    if (this.#reserving) return;
    this.#reserving = true;
    while (!this.paused && this.#hashed.length > 0 && this.#sending.size < ticketsAhead) {
      const batch = this.#hashed.splice(0, batchSize);
      await this.#reserveBatch(batch);
    }
    this.#reserving = false;
  }

  async #reserveBatch(batch: UploadItem[]): Promise<void> {
    try {
      const uploads = await this.#ports.reserve(batch.map(toUploadFile));
      batch.forEach((item, n) => this.#onTicket(item, uploads[n]));
    } catch (error) {
      await this.#onTrouble(batch, error);
    }
    this.changed.emit();
  }

  #onTicket(item: UploadItem, upload: Upload | undefined): void {
    if (item.state !== 'waiting') return;
    // After an interrupted send the server may know the bytes as the very photo we were sending.
    const ours = upload?.photo_id !== undefined && upload.photo_id === item.photoId;
    if (upload?.photo_id) item.photoId = upload.photo_id;
    if (upload?.status === 'duplicate') this.#end(item, ours ? 'stored' : 'duplicate');
    else if (upload?.status === 'new' && upload.url) void this.#sending.add(() => this.#send(item, toTicket(upload)));
    else this.#end(item, upload ? 'rejected' : 'failed', refusalOf(upload));
  }

  async #send(item: UploadItem, ticket: Ticket): Promise<void> {
    if (item.state !== 'waiting' || item.file === null) return;
    if (this.paused) {
      this.#wantTicket(item);
      return;
    }
    const abort = new AbortController();
    this.#aborts.set(item, abort);
    item.state = 'uploading';
    try {
      const { photo_id, status } = await this.#ports.put(ticket, item.file, {
        signal: abort.signal,
        onProgress: (sent) => this.#onProgress(item, sent),
      });
      item.photoId = photo_id ?? ticket.photoId;
      if (this.#was(item, 'uploading')) this.#end(item, status === 'duplicate' ? 'duplicate' : 'stored');
    } catch (error) {
      if (this.#was(item, 'uploading')) await this.#onSendError(item, abort.signal, error);
    } finally {
      this.#aborts.delete(item);
      void this.#reserve();
    }
  }

  #onProgress(item: UploadItem, sent: number): void {
    item.sent = sent;
    this.changed.emit();
  }

  async #onSendError(item: UploadItem, signal: AbortSignal, error: unknown): Promise<void> {
    if (signal.aborted) this.#wantTicket(item);
    else await this.#onTrouble([item], error);
  }

  async #onTrouble(items: UploadItem[], error: unknown): Promise<void> {
    const trouble = judge(error);
    const open = items.filter(isUnfinished);
    for (const item of open) item.state = 'waiting';
    if (trouble.signedOut) this.pause('signed-out');
    else for (const item of open) item.attempts += 1;
    const attempt = Math.max(0, ...open.map((item) => item.attempts));
    if (trouble.wait && attempt < maxAttempts) await this.#ports.wait(backoffMilliseconds(attempt));
    for (const item of open.filter(isUnfinished)) {
      if (trouble.again && item.attempts < maxAttempts) this.#wantTicket(item);
      else this.#end(item, trouble.again ? 'failed' : 'rejected', trouble.reason);
    }
  }

  #end(item: UploadItem, state: UploadItem['state'], reason?: UploadItem['reason']): void {
    Object.assign(item, { state, reason });
    if (!isRetryable(item)) item.file = null;
    this.changed.emit();
  }
}
