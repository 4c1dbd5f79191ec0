import { afterEach } from 'vitest';

/** Give the page something that only browsers have. */
function provide(name: string, value: unknown) {
  if (!(name in globalThis)) Object.assign(globalThis, { [name]: value });
}

// The query client and the hooks read the page's address; plain Node has none.
provide('location', new URL('http://imgtag.test/'));

if ('document' in globalThis) {
  const { cleanup, configure } = await import('@testing-library/react');
  configure({ asyncUtilTimeout: 15_000 });
  afterEach(cleanup);
  provide(
    'ResizeObserver',
    class {
      observe() {
        return undefined;
      }
      unobserve() {
        return undefined;
      }
      disconnect() {
        return undefined;
      }
    },
  );
  provide('matchMedia', (query: string) => ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
}
