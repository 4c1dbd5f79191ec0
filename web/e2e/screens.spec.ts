import { rmSync } from 'node:fs';
import { chooseFolder, expect, expectAccessible, expectLabelled, test } from './fixtures';
import { makePhotos, temporaryFolder } from './server';

const sizes = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

for (const viewport of sizes) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(`at ${viewport.width} px, ${colorScheme}`, () => {
      test.use({ viewport, colorScheme });

      test('every screen is accessible and quiet', async ({ page, server }) => {
        await expect(page.getByRole('heading', { level: 1 })).toContainText('Bring your photos');
        await expectAccessible(page);
        const folder = temporaryFolder();
        makePhotos(folder, 8);
        await chooseFolder(page, folder);
        await expectLabelled(server, 8);
        rmSync(folder, { recursive: true });
        await page.getByRole('link', { name: 'Uploads' }).click();
        await expect(page.getByText('8 photos added')).toBeVisible();
        await expectAccessible(page);
        for (const address of ['labels', 'bundles', 'settings', 'trash', 'nowhere']) {
          await page.goto(`${server.url}/${address}`);
          await expect(page.locator('h1, h2').first()).toBeVisible();
          await expectAccessible(page);
        }
        await page.goto(`${server.url}/photos`);
        await page.getByRole('grid').getByRole('link').first().focus();
        await page.keyboard.press(' ');
        await expect(page.getByText('1 photo selected')).toBeVisible();
        await expectAccessible(page);
        await page.getByRole('button', { name: 'Edit labels' }).click();
        await expect(page.getByRole('dialog')).toBeVisible();
        await expectAccessible(page);
        await page.keyboard.press('Escape');
        await page.keyboard.press('Escape');
        await page.goto(`${server.url}/photos`);
        await page.getByRole('grid').getByRole('link').first().click();
        await expect(page.getByRole('complementary', { name: 'About this photo' })).toBeVisible();
        await expectAccessible(page);
        await page.goto(`${server.url}/api/docs`);
        await expect(page.getByRole('heading', { name: /API/ })).toBeVisible();
        await expectAccessible(page);
      });
    });
  }
}
