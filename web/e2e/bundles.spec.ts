import { aBundle, aReadyBundle } from './bundle-examples';
import { addPhotos, expect, test } from './fixtures';

test('a ZIP in the making is followed, announced elsewhere, and can be cancelled', async ({ page, server }) => {
  let bundle = aBundle();
  let cancelled = false;
  await page.route('**/api/events', (route) => route.abort());
  await page.route('**/api/bundles', (route) => route.fulfill({ json: { bundles: [bundle], next_cursor: null } }));
  await page.route('**/api/bundles/b1', (route) => {
    cancelled = route.request().method() === 'DELETE';
    bundle = aBundle({ state: 'cancelled' });
    return route.fulfill({ status: 204 });
  });
  await page.goto(`${server.url}/bundles`);
  await expect(page.getByText('Being made')).toBeVisible();
  await expect(page.getByText('40 of 100 photos, 2 MB of 5 MB')).toBeVisible();
  await page.getByRole('link', { name: 'Photos', exact: true }).click();
  bundle = aReadyBundle();
  await expect(page.getByText('Your ZIP is ready')).toBeVisible();
  await page.getByRole('link', { name: 'ZIPs' }).click();
  await expect(page.getByText(/Link expires in 23 hours/)).toBeVisible();
  bundle = aBundle();
  await page.reload();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled')).toBeVisible();
  expect(cancelled).toBe(true);
});

test('a ZIP is revoked, its link with it, and made again', async ({ page, server }) => {
  await addPhotos(page, server, 2);
  const { photos } = await server.get<{ photos: { id: string }[] }>('/api/photos');
  const query = { photo_ids: photos.map(({ id }) => id) };
  const made = (await (await server.call('POST', '/api/bundles', { query })).json()) as { id: string };
  await page.goto(`${server.url}/bundles`);
  await expect(page.getByRole('link', { name: 'Download' })).toBeVisible();
  const { link } = await server.get<{ link: string }>(`/api/bundles/${made.id}`);
  await page.getByRole('button', { name: 'Revoke the link' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke the link' }).click();
  await expect(page.getByRole('button', { name: 'Make again' })).toBeVisible();
  expect((await fetch(new URL(link, server.url))).status).toBe(410);
  await page.getByRole('button', { name: 'Make again' }).click();
  await expect(page.getByRole('link', { name: 'Download' })).toBeVisible();
});

test.use({ allowed: /ERR_FAILED/ });
