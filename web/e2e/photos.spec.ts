import { rmSync } from 'node:fs';
import { chooseFolder, expect, expectLabelled, test } from './fixtures';
import { makePhotos, temporaryFolder } from './server';

interface Photo {
  id: string;
  labels: { name: string }[];
}

interface PhotoPage {
  photos: Photo[];
}

test.beforeEach(async ({ page, server }) => {
  const folder = temporaryFolder();
  makePhotos(folder, 6);
  await chooseFolder(page, folder);
  await expectLabelled(server, 6);
  rmSync(folder, { recursive: true });
});

test('a label is added and taken back, in the viewer, by keyboard', async ({ page, server }) => {
  const labelled = async () => {
    const { photos } = await server.get<PhotoPage>('/api/photos?all=Sunset');
    return photos.length;
  };
  await page.getByRole('grid').getByRole('link').first().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  const panel = page.getByRole('complementary', { name: 'About this photo' });
  await panel.getByRole('combobox', { name: 'Add a label' }).fill('Sunset');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(panel.getByText('Sunset')).toBeVisible();
  await expect(page.getByText('Added Sunset.')).toBeVisible();
  await expect.poll(labelled).toBe(1);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(panel.getByText('Sunset')).toBeHidden();
  await expect.poll(labelled).toBe(0);
  await page.keyboard.press('Escape');
  await expect(panel).toBeHidden();
  await expect(page.getByRole('grid').getByRole('link').nth(1)).toBeFocused();
});

test('photos go to the trash and come back', async ({ page }) => {
  await page.getByRole('grid').getByRole('link').first().focus();
  await page.keyboard.press(' ');
  await page.keyboard.press('Shift+ArrowRight');
  await expect(page.getByText('2 photos selected')).toBeVisible();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Move to trash' }).click();
  await expect(page.getByText('2 photos moved to the trash.')).toBeVisible();
  await expect(page.getByText('4 photos', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByText('6 photos', { exact: true })).toBeVisible();
});

test('a filter lives in the address', async ({ page, server }) => {
  const { photos } = await server.get<PhotoPage>('/api/photos?sort=created_at');
  const [first, second] = photos;
  for (const [photo, labels] of [
    [first, ['Red', 'Round']],
    [second, ['Red']],
  ] as const) {
    const body = JSON.stringify({ labels: { add: labels } });
    const headers = { 'Content-Type': 'application/json', Origin: server.url };
    await fetch(`${server.url}/api/photos/${photo?.id ?? ''}`, { method: 'PATCH', body, headers });
  }
  const find = page.getByRole('combobox', { name: 'Find a label or a file name' });
  await find.fill('red');
  await expect(page.getByRole('option', { name: /^Red/ })).toContainText('2 photos');
  await page.getByRole('option', { name: /^Red/ }).click();
  await expect(page).toHaveURL(/\?all=Red$/);
  await find.fill('round');
  await page.getByRole('option', { name: /^Round/ }).click();
  await expect(page.getByText('1 photo', { exact: true })).toBeVisible();
  await page.getByRole('radio', { name: 'Any of these' }).click();
  await expect(page.getByText('2 photos', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Hide photos with Round instead' }).click();
  await expect(page.getByText('1 photo', { exact: true })).toBeVisible();
  await page.reload();
  await expect(page.getByText('1 photo', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await expect(page.getByText('6 photos', { exact: true })).toBeVisible();
});

test('what another page does shows within two seconds, in a second tab too', async ({ page, context, server }) => {
  const tab = await context.newPage();
  await tab.goto(`${server.url}/photos`);
  for (const each of [page, tab]) await expect(each.getByText('6 photos', { exact: true })).toBeVisible();
  const { photos } = await server.get<PhotoPage>('/api/photos');
  const headers = { Origin: server.url };
  await fetch(`${server.url}/api/photos/${photos[0]?.id ?? ''}`, { method: 'DELETE', headers });
  for (const each of [page, tab]) {
    await expect(each.getByText('5 photos', { exact: true })).toBeVisible({ timeout: 4000 });
  }
});
