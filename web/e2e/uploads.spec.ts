import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { dropPaths, expect, test } from './fixtures';
import { makePhotos, temporaryFolder } from './server';

const photos = 2000;

interface Status {
  photos: { total: number };
}

test.describe('a folder of 2,000 photos', () => {
  test.use({ allowed: /503|ERR_FAILED/ });
  test.setTimeout(240_000);

  test('arrives whole through failures, a pause and a retry, and is known when dropped again', async ({
    page,
    server,
  }) => {
    const folder = temporaryFolder();
    makePhotos(path.join(folder, 'a'), photos / 2);
    makePhotos(path.join(folder, 'b'), photos / 2, photos / 2);
    writeFileSync(path.join(folder, 'notes.txt'), 'not a photo');
    let puts = 0;
    let broken = true;
    await page.route(/\/api\/uploads\/./, (route) => {
      puts += 1;
      // Some for good until they are retried by hand, some once.
      if (broken && puts % 400 < 4)
        return route.fulfill({ status: 503, json: { code: 'unavailable', detail: 'injected' } });
      return route.continue();
    });
    await dropPaths(page, [folder]);
    await expect(page.getByRole('radio', { name: 'All 2,001' })).toBeAttached({ timeout: 20_000 });
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect(page.getByRole('heading', { name: 'Paused' })).toBeVisible();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('link', { name: 'Labels', exact: true }).click();
    await expect(page.getByText(/Uploading .* of 2,001/)).toBeVisible();
    await page.getByText(/Uploading .* of 2,001/).click();
    await expect(page.getByRole('heading', { name: /Done, but/ })).toBeVisible({ timeout: 180_000 });
    broken = false;
    const retry = page.getByRole('button', { name: 'Retry failed' });
    if (await retry.isVisible()) await retry.click();
    await expect(page.getByText('2,000 photos added, 1 file with problems')).toBeVisible({ timeout: 60_000 });
    expect((await server.get<Status>('/api/status')).photos.total).toBe(photos);

    await page.getByRole('radio', { name: 'Problems 1' }).click();
    await expect(page.getByText('Not a photo in a format that can be read here.')).toBeVisible();

    const before = puts;
    await page.reload();
    await dropPaths(page, [path.join(folder, 'a')]);
    await expect(page.getByText('0 photos added, 1,000 photos already here')).toBeVisible({ timeout: 60_000 });
    expect(puts).toBe(before);
    rmSync(folder, { recursive: true });
  });
});
