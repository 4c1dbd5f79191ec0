import { rmSync } from 'node:fs';
import { bundlesInEveryState } from './bundle-examples';
import { addPhotos, chooseFolder, expect, test } from './fixtures';
import { expectAccessible } from './looks';
import { makePhotos, temporaryFolder } from './server';

// Each look at a screen takes axe about a second.
test.slow();

test('an empty library is accessible, whatever is opened first', async ({ page, server }) => {
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Bring your photos');
  await expectAccessible(page);
  for (const address of ['labels', 'uploads', 'trash', 'bundles', 'settings', 'nowhere']) {
    await page.goto(`${server.url}/${address}`);
    await expect(page.getByRole('heading').first()).toBeVisible();
    await expectAccessible(page);
  }
  await page.goto(`${server.url}/api/docs`);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expectAccessible(page);
});

test('an upload in the middle of it is accessible', async ({ page, server }) => {
  await page.route(/\/api\/uploads\/./, () => undefined);
  const folder = makePhotos(temporaryFolder(), 12);
  await page.goto(`${server.url}/uploads`);
  await chooseFolder(page, folder);
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Labels' }).click();
  await expect(page.locator('.dock')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expectAccessible(page);
  rmSync(folder, { recursive: true });
});

test.describe('without a server', () => {
  test.use({ allowed: /ERR_FAILED/ });

  test('the page that says so is accessible', async ({ page, server }) => {
    await page.route('**/api/**', (route) => route.abort());
    await page.goto(server.url);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expectAccessible(page);
  });
});

test('photos, their dialogs and the viewer are accessible', async ({ page, server }) => {
  await addPhotos(page, server, 8);
  await page.getByRole('link', { name: 'Uploads' }).click();
  await expect(page.getByText('8 photos added')).toBeVisible();
  await expectAccessible(page);
  await page.goto(`${server.url}/photos`);
  await page.getByRole('button', { name: 'Filters' }).click();
  await page.getByRole('combobox', { name: 'Find a label or a file name' }).fill('IMG');
  await page.keyboard.press('Escape');
  await page.getByRole('grid').getByRole('link').first().focus();
  await page.keyboard.press(' ');
  await expect(page.getByText('1 photo selected')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Edit labels' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Clear the selection' }).click();
  await page.getByRole('grid').getByRole('link').first().click();
  await expect(page.getByRole('complementary', { name: 'About this photo' })).toBeVisible();
  await expectAccessible(page);
});

test('labels and ZIPs are accessible in every state', async ({ page, server }) => {
  await addPhotos(page, server, 3);
  const { photos } = await server.get<{ photos: { id: string }[] }>('/api/photos');
  const photo_ids = photos.map(({ id }) => id);
  await server.call('POST', '/api/photos/edit', { photo_ids, labels: { add: ['Holiday', 'Sea'] } });
  await page.goto(`${server.url}/labels?any=Holiday&any=Sea`);
  await expect(page.getByRole('region', { name: 'Your choice' })).toContainText('3 photos');
  // On a photo, where axe can't tell: they are dark on dark where styles come in another order.
  await expect(page.locator('.label-name').first()).toHaveCSS('color', 'rgb(255, 255, 255)');
  await expectAccessible(page);
  const page_ = { bundles: bundlesInEveryState(), next_cursor: null };
  // Else the server's events would add its own to these.
  await page.route('**/api/events', (route) => route.fulfill({ status: 204 }));
  await page.route('**/api/bundles', (route) => route.fulfill({ json: page_ }));
  await page.goto(`${server.url}/bundles`);
  await expect(page.getByText('Being made')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Revoke the link' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await expectAccessible(page);
});
