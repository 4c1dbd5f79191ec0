import { Emitter } from '@/lib/emitter';

/** Whether server-sent events arrive. While they do not, queries ask by themselves. */
class Liveness {
  readonly changed = new Emitter<void>();
  #live = false;

  get live(): boolean {
    return this.#live;
  }

  set(live: boolean): void {
    if (live === this.#live) return;
    this.#live = live;
    this.changed.emit();
  }
}

export const liveness = new Liveness();

/** For `refetchInterval`: every two seconds without events, else never. */
export const pollUnlessLive = () => (liveness.live ? false : 2000);
