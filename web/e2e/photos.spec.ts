import { addPhotos, expect, test } from './fixtures';

interface Photo {
  id: string;
  labels: { name: string }[];
}

interface PhotoPage {
  photos: Photo[];
}

test.beforeEach(async ({ page, server }) => {
  await addPhotos(page, server, 6);
});

test('a label is added and taken back, in the viewer, by keyboard', async ({ page, server }) => {
  const labelled = async () => {
    const { photos } = await server.get<PhotoPage>('/api/photos?all=Sunset');
    return photos.length;
  };
  const second = page.getByRole('grid').getByRole('link').nth(1);
  await page.getByRole('grid').getByRole('link').first().focus();
  await page.keyboard.press('ArrowRight');
  // The focus moves with the next frame; a person is slower than that, and a test is not.
  await expect(second).toBeFocused();
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
  await expect(second).toBeFocused();
});

test('photos go to the trash and come back, from the notice and from the trash', async ({ page }) => {
  const all = page.getByText('6 photos', { exact: true });
  await page.getByRole('grid').getByRole('link').first().focus();
  await page.keyboard.press(' ');
  await page.keyboard.press('Shift+ArrowRight');
  await expect(page.getByText('2 photos selected')).toBeVisible();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Move to trash' }).click();
  await expect(page.getByText('2 photos moved to the trash.')).toBeVisible();
  await expect(page.getByText('4 photos', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(all).toBeVisible();

  await page.getByRole('grid').getByRole('link').first().click();
  await page.getByRole('button', { name: 'Move to trash' }).click();
  await expect(page.getByText('1 photo moved to the trash.')).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Menu' }).click();
  await page.getByRole('menuitem', { name: 'Trash' }).click();
  await expect(page.getByRole('heading', { name: 'Trash' })).toBeVisible();
  await page.getByRole('grid').getByRole('link').first().focus();
  await page.keyboard.press(' ');
  await page.getByRole('button', { name: 'Restore' }).click();
  await expect(page.getByText('The trash is empty')).toBeVisible();
  await page.getByRole('link', { name: 'Photos', exact: true }).click();
  await expect(all).toBeVisible();
});

test('photos are picked by click, by a range, and all that match, and labelled again', async ({ page }) => {
  const boxes = page.getByRole('grid').getByRole('checkbox');
  await boxes.nth(1).click();
  await boxes.nth(3).click({ modifiers: ['Shift'] });
  await expect(page.getByText('3 photos selected')).toBeVisible();
  await page.getByRole('grid').getByRole('link').nth(2).click();
  await expect(page.getByText('2 photos selected')).toBeVisible();
  await page.getByRole('button', { name: 'Select all 6' }).click();
  await expect(page.getByText('6 photos selected')).toBeVisible();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Label again' }).click();
  await expect(page.getByText('6 photos will be labelled again.')).toBeVisible();
});

test('a filter lives in the address', async ({ page, server }) => {
  const { photos } = await server.get<PhotoPage>('/api/photos?sort=created_at');
  const [first, second] = photos;
  const edit = (photo: Photo | undefined, add: string[]) =>
    server.call('PATCH', `/api/photos/${photo?.id ?? ''}`, { labels: { add } });
  await edit(first, ['Red', 'Round']);
  await edit(second, ['Red']);
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

test('what happens elsewhere shows by itself, in a second tab too', async ({ page, context, server }) => {
  const tab = await context.newPage();
  await tab.goto(`${server.url}/photos`);
  for (const each of [page, tab]) await expect(each.getByText('6 photos', { exact: true })).toBeVisible();
  const { photos } = await server.get<PhotoPage>('/api/photos');
  await server.call('DELETE', `/api/photos/${photos[0]?.id ?? ''}`);
  for (const each of [page, tab]) await expect(each.getByText('5 photos', { exact: true })).toBeVisible();
});

test('what happens elsewhere shows by itself where the server has no events', async ({ page, server }) => {
  await page.route('**/api/events', (route) => route.fulfill({ status: 204 }));
  await page.goto(`${server.url}/photos`);
  await expect(page.getByText('6 photos', { exact: true })).toBeVisible();
  const { photos } = await server.get<PhotoPage>('/api/photos');
  await server.call('DELETE', `/api/photos/${photos[0]?.id ?? ''}`);
  await expect(page.getByText('5 photos', { exact: true })).toBeVisible();
});

test("the first screen asks for everything once, and before the page's own script has run", async ({
  page,
  server,
}) => {
  const asked: string[] = [];
  // What the page before it still asks for is not the first screen's.
  page.on('framenavigated', () => asked.splice(0));
  page.on('request', (request) => asked.push(request.url().replace(server.url, '')));
  await page.goto(`${server.url}/photos`);
  await expect(page.getByText('6 photos', { exact: true })).toBeVisible();
  // Nor is what the server's news make the page ask for again.
  const news = asked.indexOf('/api/events');
  const first = asked.slice(0, news < 0 ? asked.length : news);
  const early = ['/api/config', '/api/photos/layout?sort=-taken_at', '/api/session'];
  for (const address of early) {
    expect(
      first.filter((one) => one === address),
      address,
    ).toHaveLength(1);
  }
  const foremost = first.filter((address) => /^\/api|woff2/.test(address)).slice(0, 3);
  expect(foremost.toSorted()).toEqual(early);
});

test('a photo is enlarged, and shows where its labels are', async ({ page, server }) => {
  const boxes = [{ left: 0.25, top: 0.25, width: 0.5, height: 0.5 }];
  const label = { name: 'Lake', confidence: 90, source: 'machine', model: 'test', parents: [], boxes };
  await page.route(/\/api\/photos\/[^/?]+$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...((await response.json()) as Photo), labels: [label] } });
  });
  await page.goto(`${server.url}/photos`);
  await page.getByRole('grid').getByRole('link').first().click();
  await page.getByRole('complementary').getByText('Show where').click();
  const box = page.locator('.yarl__slide_current .slide-box');
  await expect(box).toHaveText('Lake');
  const width = async () => (await box.boundingBox())?.width ?? 0;
  const before = await width();
  await page.getByRole('button', { name: 'Zoom in' }).click();
  await expect.poll(width).toBeGreaterThan(1.5 * before);
});
