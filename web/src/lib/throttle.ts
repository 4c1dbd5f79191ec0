/** Runs `action` at most once per interval: at once if it can, else when the interval ends. */
export function throttle(action: () => void, intervalMilliseconds: number): () => void {
  let last = -Infinity;
  let timer: ReturnType<typeof setTimeout> | null = null;
  const run = () => {
    timer = null;
    last = Date.now();
    action();
  };
  return () => {
    if (timer !== null) return;
    const wait = last + intervalMilliseconds - Date.now();
    if (wait <= 0) run();
    else timer = setTimeout(run, wait);
  };
}
