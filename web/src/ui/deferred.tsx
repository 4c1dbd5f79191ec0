import { type ComponentType, lazy, type ReactNode, Suspense } from 'react';
import { idle } from '@/lib/when-idle';

const longestWait = 2500;

const isLoading = () =>
  document.querySelector('.spinner') !== null || [...document.images].some(({ complete }) => !complete);

/** Waits until what one came for is on the screen, but not forever: the line may be slow. */
async function untilShown(): Promise<void> {
  const end = Date.now() + longestWait;
  do await idle();
  while (isLoading() && Date.now() < end);
}

/**
 * A part of a screen that is loaded and shown after the rest is there, so that the photos need not
 * wait for it. `placeholder` has its size: nothing moves when it comes.
 */
export function deferred<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  placeholder: ReactNode = null,
) {
  const Part = lazy(async () => {
    await untilShown();
    return { default: await load() };
  });
  return function Deferred(props: Props) {
    return (
      <Suspense fallback={placeholder}>
        <Part {...props} />
      </Suspense>
    );
  };
}
