import { type Listener, openSource, type ServerEvent } from './event-source';
import { liveness } from './polling';

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
