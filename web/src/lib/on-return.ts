/** A page that was hidden for longer may have slept, and its connections with it. */
const longMilliseconds = 30_000;
const tickMilliseconds = 10_000;

/** Calls when the page comes back: from sleep, from long in the background, or to the network. */
export function onReturn(listener: () => void): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  let last = Date.now();
  // Timers stand still during sleep, so a tick that is long overdue is the end of one.
  const look = () => {
    const away = Date.now() - last > longMilliseconds;
    last = Date.now();
    if (away) listener();
  };
  const tick = setInterval(() => document.hidden || look(), tickMilliseconds);
  document.addEventListener('visibilitychange', () => document.hidden || look(), { signal });
  window.addEventListener('online', listener, { signal });
  return () => {
    clearInterval(tick);
    stop.abort();
  };
}
