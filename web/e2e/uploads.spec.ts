import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { dropPaths, expect, test } from './fixtures';
import { makePhotos, temporaryFolder } from './server';

const photos = 2000;

interface Status {
  photos: { total: number };
}

interface Reserved {
  uploads: { file_name: string; url?: string }[];
}

/** Refuses the last ten photos until `mended`, and now and then a few others. Counts what is sent. */
async function breakUploads(page: Page): Promise<{ puts: number; mended: boolean }> {
  const state = { puts: 0, mended: false };
  const unlucky = new Set<string>();
  await page.route('**/api/uploads', async (route) => {
    const response = await route.fetch();
    const { uploads } = (await response.json()) as Reserved;
    for (const { file_name, url } of uploads) if (url && /IMG_0199\d/.test(file_name)) unlucky.add(url);
    await route.fulfill({ response });
  });
  await page.route(/\/api\/uploads\/./, (route) => {
    state.puts += 1;
    const refused = unlucky.has(route.request().url()) || state.puts % 100 === 0;
    if (state.mended || !refused) return route.continue();
    return route.fulfill({ status: 503, json: { code: 'unavailable', detail: 'injected' } });
  });
  return state;
}

async function leave(page: Page): Promise<void> {
  const asked = page.waitForEvent('dialog');
  const left = page.reload();
  const dialog = await asked;
  expect(dialog.type()).toBe('beforeunload');
  await dialog.accept();
  await left;
}

// A retry is announced in the console; a page that is left breaks off what it was sending.
test.use({ allowed: /503|ERR_FAILED|ERR_ABORTED/ });

test('2,000 photos arrive whole through a pause, a reload, failures and a retry', async ({ page, server }) => {
  test.setTimeout(600_000);
  const folder = temporaryFolder();
  makePhotos(path.join(folder, 'a'), photos / 2);
  makePhotos(path.join(folder, 'b'), photos / 2, photos / 2);
  writeFileSync(path.join(folder, 'notes.txt'), 'not a photo');

  await dropPaths(page, [folder]);
  await expect(page.getByRole('radio', { name: 'All 2,001' })).toBeAttached();
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('heading', { name: 'Paused' })).toBeVisible();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('link', { name: 'Labels', exact: true }).click();
  await page.getByRole('link', { name: /Uploading .* of 2,001/ }).click();
  await expect(page.getByRole('radio', { name: /Added [1-9]/ })).toBeAttached();

  await leave(page);
  await expect(page.getByText(/An upload was interrupted with .* files to go/)).toBeVisible();
  const uploads = await breakUploads(page);
  await dropPaths(page, [folder]);
  await expect(page.getByRole('heading', { name: /Done, but/ })).toBeVisible({ timeout: 400_000 });
  await expect(page.getByRole('radio', { name: /Already here [1-9]/ })).toBeAttached();
  await expect(page.getByRole('radio', { name: 'Problems 11' })).toBeAttached();
  uploads.mended = true;
  await page.getByRole('button', { name: 'Retry failed' }).click();
  await expect(page.getByText(/photos added, .* photos already here, 1 file with problems/)).toBeVisible();
  expect((await server.get<Status>('/api/status')).photos.total).toBe(photos);
  await page.getByRole('radio', { name: 'Problems 1', exact: true }).click();
  await expect(page.getByText('Not a photo in a format that can be read here.')).toBeVisible();

  const before = uploads.puts;
  await page.getByRole('button', { name: 'Clear the list' }).click();
  await dropPaths(page, [path.join(folder, 'a')]);
  await expect(page.getByText('0 photos added, 1,000 photos already here')).toBeVisible({ timeout: 120_000 });
  expect(uploads.puts).toBe(before);
  await page.getByRole('link', { name: 'See it' }).first().click();
  await expect(page.getByRole('complementary', { name: 'About this photo' })).toBeVisible();
  rmSync(folder, { recursive: true });
});
