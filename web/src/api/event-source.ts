import { onReturn } from '@/lib/on-return';

export const eventNames = ['photo', 'labels', 'bundle', 'import'] as const;
export type EventName = (typeof eventNames)[number];

export interface ServerEvent {
  /** `open` says that a connection began: whatever was missed before it must be asked for. */
  name: EventName | 'open';
  data: unknown;
}

export type Listener = (event: ServerEvent) => void;

const firstWait = 5000;
const longestWait = 60_000;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Holds a connection to the server's events and tells whether there is one. A server without events
 * answers 204, and one that is down an error: then it is asked again ever more seldom, and at once
 * when the page comes back from sleep or to the network.
 */
export function openSource(publish: Listener, alive: (live: boolean) => void): () => void {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = firstWait;
  const open = () => {
    clearTimeout(timer);
    source = new EventSource('/api/events');
    source.onopen = () => {
      wait = firstWait;
      alive(true);
      publish({ name: 'open', data: null });
    };
    source.onerror = () => {
      alive(false);
      // The browser tries again by itself, except after an answer that is no stream.
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, wait);
      wait = Math.min(2 * wait, longestWait);
    };
    for (const name of eventNames) {
      source.addEventListener(name, (event: MessageEvent<string>) => publish({ name, data: parse(event.data) }));
    }
  };
  open();
  const stopWatching = onReturn(() => {
    source.close();
    open();
  });
  return () => {
    stopWatching();
    clearTimeout(timer);
    source.close();
    alive(false);
  };
}
