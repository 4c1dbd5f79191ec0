import { Alert, Button } from '@cloudscape-design/components';
import { type ComponentType, lazy, type ReactNode, Suspense } from 'react';
import { pause } from '@/lib/pause';
import { idle } from '@/lib/when-idle';
import { shell } from '@/texts';

type Load<Props> = () => Promise<ComponentType<Props>>;

const longestWait = 2500;
const pauses = [500, 3000];

const isLoading = () =>
  document.querySelector('.spinner') !== null || [...document.images].some(({ complete }) => !complete);

/** Waits until what one came for is on the screen, but not forever: the line may be slow. */
async function untilShown(): Promise<void> {
  const end = Date.now() + longestWait;
  do await idle();
  while (isLoading() && Date.now() < end);
}

function NotLoaded() {
  const reload = <Button onClick={() => window.location.reload()}>{shell.reload}</Button>;
  return (
    <Alert type="error" action={reload}>
      {shell.notLoaded}
    </Alert>
  );
}

/** Tries a few times. Code that an update took away takes nothing else down: a note stands in its place. */
async function persistently<Props extends object>(load: Load<Props>): Promise<ComponentType<Props>> {
  for (const wait of pauses) {
    try {
      return await load();
    } catch {
      await pause(wait);
    }
  }
  return load().catch(() => NotLoaded);
}

/** A screen, loaded when it is opened. */
export const lazily = <Props extends object>(load: Load<Props>) =>
  lazy(async () => ({ default: await persistently(load) }));

/**
 * A part of a screen that is loaded and shown after the rest is there, so that the photos need not
 * wait for it. `placeholder` has its size: nothing moves when it comes. `prepare` loads it before it
 * is wanted.
 */
export function deferred<Props extends object>(load: Load<Props>, placeholder: ReactNode = null) {
  let coming: Promise<{ default: ComponentType<Props> }> | undefined;
  const come = () => (coming ??= untilShown().then(async () => ({ default: await persistently(load) })));
  const Part = lazy(come);
  const Deferred = (props: Props) => (
    <Suspense fallback={placeholder}>
      <Part {...props} />
    </Suspense>
  );
  return Object.assign(Deferred, { prepare: () => void come() });
}
