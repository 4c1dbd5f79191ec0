import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { sha256File, sha256Streaming } from './sha256';

it('gives the same digest in pieces and whole as the system does', async () => {
  const bytes = new Uint8Array(300_000).map((_, n) => n % 251);
  const expected = createHash('sha256').update(bytes).digest('hex');
  expect(await sha256Streaming(new Blob([bytes]))).toBe(expected);
  expect(await sha256File(new Blob([bytes]))).toBe(expected);
});
