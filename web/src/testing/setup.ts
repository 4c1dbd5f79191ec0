import { afterEach } from 'vitest';

/** What pages ask of a browser and jsdom does not have. */
const inJsdom = {
  ResizeObserver: class {
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
  matchMedia: (media: string) => ({
    matches: false,
    media,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }),
};

if ('document' in globalThis) {
  const { cleanup, configure } = await import('@testing-library/react');
  configure({ asyncUtilTimeout: 15_000 });
  afterEach(cleanup);
  Object.assign(globalThis, inJsdom, { scrollTo: () => undefined });
} else {
  // The client reads the page's address; plain Node has none.
  Object.assign(globalThis, { location: new URL('http://imgtag.test/') });
}
