import { expect, type Page, test as base } from '@playwright/test';
import { rmSync } from 'node:fs';
import { makePhotos, Server, temporaryFolder } from './server';

interface PerTest {
  /** What the page may complain about in this test: some cause the trouble that they look at. */
  allowed: RegExp | null;
}

interface PerWorker {
  settings: Record<string, string>;
  server: Server;
}

function watch(page: Page, problems: string[]): void {
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
}

/** Each test finds an empty library, and fails on any console error, CSP violation or crash. */
export const test = base.extend<PerTest, PerWorker>({
  allowed: [null, { option: true }],
  settings: [{}, { option: true, scope: 'worker' }],
  server: [
    async ({ settings }, use) => {
      const server = await new Server().start(settings);
      await use(server);
      await server.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  page: async ({ page, server, allowed }, use, testInfo) => {
    const problems: string[] = [];
    watch(page, problems);
    await server.empty();
    const said = server.output.length;
    await page.goto(server.url);
    await use(page);
    if (testInfo.status !== testInfo.expectedStatus) console.log(server.output.slice(said));
    expect(problems.filter((text) => !allowed?.test(text))).toEqual([]);
  },
});

export { expect };

/** Chooses a whole folder, as a click on "Choose a folder" does. */
export async function chooseFolder(page: Page, folder: string): Promise<void> {
  await page.getByTestId('choose-folder').first().setInputFiles(folder);
}

/** Drops paths on the page as a file manager does: the browser itself walks the folders. */
export async function dropPaths(page: Page, paths: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 600, y: 500, data });
  }
}

interface Status {
  photos: { total: number; labelled: number; failed: number };
}

export async function expectLabelled(server: Server, count: number): Promise<void> {
  const photos = async () => (await server.get<Status>('/api/status')).photos;
  await expect.poll(photos, { timeout: 150_000 }).toMatchObject({ labelled: count });
}

/** Gives the library this many labelled photos, by the page. */
export async function addPhotos(page: Page, server: Server, count: number): Promise<void> {
  const folder = temporaryFolder();
  makePhotos(folder, count);
  await chooseFolder(page, folder);
  await expectLabelled(server, count);
  rmSync(folder, { recursive: true });
}
