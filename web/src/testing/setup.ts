import { afterEach } from 'vitest';

// The query client and the hooks read the page's address; plain Node has none.
globalThis.location ??= new URL('http://imgtag.test/') as unknown as Location;

if ('document' in globalThis) {
  const { cleanup } = await import('@testing-library/react');
  afterEach(cleanup);
}
