const longestWait = 500;

function onceIdle(action: () => void): () => void {
  // Safari has no idle callback.
  if (!('requestIdleCallback' in globalThis)) {
    const timer = setTimeout(action, 50);
    return () => clearTimeout(timer);
  }
  const id = requestIdleCallback(action, { timeout: longestWait });
  return () => cancelIdleCallback(id);
}

export const idle = () => new Promise<void>((resolve) => onceIdle(resolve));

/** Starts something once there is nothing better to do. Gives what stops it, or keeps it from starting. */
export function startWhenIdle(start: () => () => void): () => void {
  let stop: (() => void) | undefined;
  const cancel = onceIdle(() => {
    stop = start();
  });
  return () => {
    cancel();
    stop?.();
  };
}
