import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { test as base } from '@playwright/test';
import { expect, expectLabelled } from './fixtures';
import { makePhotos, Server, temporaryFolder } from './server';

interface Elsewhere {
  /** The origin of an empty page that the server below lets in. */
  origin: string;
  server: Server;
}

const test = base.extend<Elsewhere>({
  // Playwright asks for the braces.
  // eslint-disable-next-line no-empty-pattern
  origin: async ({}, use) => {
    const host = createServer((_, answer) => {
      answer.setHeader('Content-Type', 'text/html');
      answer.end('<!doctype html><title>elsewhere</title>');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => host.once('listening', resolve));
    await use(`http://127.0.0.1:${(host.address() as AddressInfo).port}`);
    host.close();
  },
  server: async ({ origin }, use) => {
    const server = await new Server().start({ IMGTAG_CORS_ORIGINS: origin });
    await use(server);
    await server.stop();
  },
});

interface Answer {
  status: number;
  body: unknown;
}

// The calls of AWS's Photo Asset Manager page, with the headers that it sends.
test('a page of another origin uploads, lists labels and asks for a download', async ({ page, origin, server }) => {
  const made = await server.call('POST', '/api/tokens', { name: 'reference page', scopes: ['read', 'write'] });
  const { token } = (await made.json()) as { token: string };
  const call = (method: string, address: string, body?: object): Promise<Answer> =>
    page.evaluate(
      async ([url, method, authorization, body]) => {
        const headers = { Authorization: authorization, 'Content-Type': 'application/json' };
        const response = await fetch(url, { method, headers, body });
        return { status: response.status, body: (await response.json()) as unknown };
      },
      [`${server.url}/api/${address}`, method, `Bearer ${token}`, body && JSON.stringify(body)] as const,
    );
  await page.goto(origin);
  const folder = makePhotos(temporaryFolder(), 1);
  const upload = await call('PUT', 'upload', { file_name: 'lake.jpg' });
  expect(upload.status).toBe(200);
  const { url, photo_id } = upload.body as { url: string; photo_id: string };
  const put = await page.evaluate(
    async ([url, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const headers = { 'Content-Type': 'image/jpeg', 'Content-Length': String(bytes.length) };
      const { ok } = await fetch(url, { method: 'PUT', headers, body: bytes.buffer });
      return ok;
    },
    [url, readFileSync(path.join(folder, 'IMG_00000.jpg')).toString('base64')] as const,
  );
  expect(put).toBe(true);
  await expectLabelled(server, 1);
  await server.call('PATCH', `/api/photos/${photo_id}`, { labels: { add: ['Lake'] } });

  const labels = await call('GET', 'labels');
  expect(labels.body).toMatchObject({ labels: { Lake: { count: 1 } } });
  const download = await call('POST', 'download', { labels: ['Lake', 'Mountain'] });
  expect(download).toMatchObject({ status: 202, body: { photos: 1, query: { any: ['Lake', 'Mountain'] } } });
  rmSync(folder, { recursive: true });
});

test('a page of an origin that is not named gets nothing', async ({ page, server }) => {
  await page.goto(server.url.replace('127.0.0.1', 'localhost'));
  const call = page.evaluate((url) => fetch(url).then(({ status }) => status), `${server.url}/api/labels`);
  await expect(call).rejects.toThrow('Failed to fetch');
});
