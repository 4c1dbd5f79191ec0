import { AxeBuilder } from '@axe-core/playwright';
import { expect, type Page, test as base } from '@playwright/test';
import { Server } from './server';

interface Fixtures {
  server: Server;
  settings: Record<string, string>;
  /** What the page may complain about in this test: some cause the trouble that they look at. */
  allowed: RegExp | null;
}

function watch(page: Page, problems: string[]): void {
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
}

/** Each test has a server of its own, and fails on any console error, CSP violation or crash. */
export const test = base.extend<Fixtures>({
  settings: [{}, { option: true }],
  allowed: [null, { option: true }],
  server: async ({ settings }, use) => {
    const server = await new Server().start(settings);
    await use(server);
    await server.stop();
  },
  page: async ({ page, server, allowed }, use) => {
    const problems: string[] = [];
    watch(page, problems);
    await page.goto(server.url);
    await use(page);
    expect(problems.filter((text) => !allowed?.test(text))).toEqual([]);
  },
});

export { expect };

/** No finding of axe's on the page as it is. */
export async function expectAccessible(page: Page): Promise<void> {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
  expect(found).toEqual([]);
}

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
  const labelled = async () => (await server.get<Status>('/api/status')).photos.labelled;
  await expect.poll(labelled, { timeout: 80_000 }).toBe(count);
}
