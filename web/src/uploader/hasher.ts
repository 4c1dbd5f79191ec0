import type { HashAnswer, HashRequest } from './hash.worker';

interface Waiting {
  resolve: (sha256: string) => void;
  reject: (error: Error) => void;
}

/** Hashes files in workers, so that the page stays smooth. Workers start with the first file. */
export class Hasher {
  readonly #workers: Worker[] = [];
  readonly #waiting = new Map<number, Waiting>();
  readonly #count: number;
  #next = 0;

  constructor(count = 2) {
    this.#count = count;
  }

  hash = (file: File): Promise<string> => {
    const id = this.#next++;
    const worker = (this.#workers[id % this.#count] ??= this.#start());
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, file } satisfies HashRequest);
    });
  };

  #start(): Worker {
    const worker = new Worker(new URL('./hash.worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<HashAnswer>) => this.#settle(data);
    worker.onerror = () => this.#failAll();
    return worker;
  }

  #settle(answer: HashAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('sha256' in answer) waiting?.resolve(answer.sha256);
    else waiting?.reject(new Error(answer.error));
  }

  #failAll(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error('The hashing worker stopped.'));
    this.#waiting.clear();
    this.#workers.length = 0;
  }
}
