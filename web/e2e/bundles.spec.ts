import { expect, test } from './fixtures';

interface Bundle {
  id: string;
  name: string;
  state: string;
  progress: { photos: number; bytes: number };
}

const building: Bundle & Record<string, unknown> = {
  id: 'b1',
  name: '',
  query: { all: [], any: ['Lake'], none: [], unlabelled: false, state: null, q: '', photo_ids: [] },
  sidecars: false,
  state: 'building',
  photos: 100,
  bytes: 5_000_000,
  progress: { photos: 40, bytes: 2_000_000 },
  created_at: new Date().toISOString(),
  ready_at: null,
  expires_at: null,
};

// A local bundle is ready at once; this is what a slow one looks like, as S3 makes them.
test('a ZIP in the making is followed, announced elsewhere, and can be cancelled', async ({ page, server }) => {
  let bundle = building;
  let cancelled = false;
  await page.route('**/api/events', (route) => route.abort());
  await page.route('**/api/bundles', (route) => route.fulfill({ json: { bundles: [bundle], next_cursor: null } }));
  await page.route('**/api/bundles/b1', (route) => {
    cancelled = route.request().method() === 'DELETE';
    bundle = { ...bundle, state: 'cancelled' };
    return route.fulfill({ status: 204 });
  });
  await page.goto(`${server.url}/bundles`);
  await expect(page.getByText('Being made')).toBeVisible();
  await expect(page.getByText('40 of 100 photos, 2 MB of 5 MB')).toBeVisible();
  await page.getByRole('link', { name: 'Photos', exact: true }).click();
  bundle = { ...bundle, state: 'ready', link: '/b/abc', expires_at: new Date(Date.now() + 86_000_000).toISOString() };
  await expect(page.getByText('Your ZIP is ready')).toBeVisible();
  await page.getByRole('link', { name: 'ZIPs' }).click();
  await expect(page.getByText(/Link expires in 23 hours/)).toBeVisible();
  bundle = building;
  await page.reload();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled')).toBeVisible();
  expect(cancelled).toBe(true);
});

test.use({ allowed: /ERR_FAILED/ });
