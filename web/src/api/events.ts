import { liveness } from './polling';

export const eventNames = ['photo', 'labels', 'bundle', 'import'] as const;
export type EventName = (typeof eventNames)[number];

export interface ServerEvent {
  /** `open` says that a connection began: whatever was missed before it must be asked for. */
  name: EventName | 'open';
  data: unknown;
}

type Listener = (event: ServerEvent) => void;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function openSource(publish: Listener, alive: (live: boolean) => void): () => void {
  let source: EventSource;
  let timer = 0;
  const open = () => {
    source = new EventSource('/api/events');
    source.onopen = () => {
      alive(true);
      publish({ name: 'open', data: null });
    };
    source.onerror = () => {
      alive(false);
      // The browser tries again by itself, except after an HTTP error.
      if (source.readyState === EventSource.CLOSED) timer = window.setTimeout(open, 5000);
    };
    for (const name of eventNames) {
      source.addEventListener(name, (event: MessageEvent<string>) => publish({ name, data: parse(event.data) }));
    }
  };
  open();
  return () => {
    window.clearTimeout(timer);
    source.close();
    alive(false);
  };
}

interface TabMessage {
  event?: ServerEvent;
  live?: boolean;
  hello?: boolean;
}

/**
 * Listens to the server, once for all tabs: a browser opens six connections to an HTTP/1.1 host,
 * and a stream in each of six tabs would leave none for anything else. The tab that holds the lock
 * listens and tells the others.
 */
export function listen(listener: Listener): () => void {
  // Locks need a secure origin; without them each tab listens for itself.
  if (!('locks' in navigator)) return openSource(listener, (live) => liveness.set(live));
  const stop = new AbortController();
  const channel = new BroadcastChannel('imgtag-events');
  let leading = false;
  channel.onmessage = ({ data }: MessageEvent<TabMessage>) => {
    if (data.hello && leading) channel.postMessage({ live: liveness.live });
    if (data.live !== undefined && !leading) liveness.set(data.live);
    if (data.event) listener(data.event);
  };
  channel.postMessage({ hello: true });
  const lead = () => {
    leading = true;
    const tell = (event: ServerEvent) => {
      listener(event);
      channel.postMessage({ event });
    };
    const close = openSource(tell, (live) => {
      liveness.set(live);
      channel.postMessage({ live });
    });
    return new Promise<void>((resolve) => {
      stop.signal.addEventListener('abort', () => {
        close();
        resolve();
      });
    });
  };
  const lock = navigator.locks.request('imgtag-events', { signal: stop.signal }, lead);
  lock.catch(() => undefined);
  return () => {
    stop.abort();
    channel.close();
  };
}
