import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { chooseFolder, expect, expectLabelled, test } from './fixtures';
import { makePhotos, python, temporaryFolder } from './server';

test('from an empty page to a verified ZIP', async ({ page, server }) => {
  const folder = temporaryFolder();
  makePhotos(folder, 12);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Bring your photos');
  await chooseFolder(page, folder);
  await page.getByRole('link', { name: 'Uploads' }).click();
  await expect(page.getByRole('heading', { name: 'All done' })).toBeVisible();
  await expect(page.getByText('12 photos added')).toBeVisible();
  await expectLabelled(server, 12);

  await page.getByRole('link', { name: 'Photos', exact: true }).click();
  const tiles = page.getByRole('gridcell').filter({ has: page.getByRole('checkbox') });
  await expect(tiles).toHaveCount(12);
  // Synthetic photos may show nothing to a machine, so a person says what they are.
  await page.keyboard.press('Tab');
  await tiles.first().getByRole('checkbox').click();
  await page.getByRole('button', { name: 'Select all 12' }).click();
  await page.getByRole('button', { name: 'Edit labels' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('combobox', { name: 'Add' }).fill('Holiday');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'Change labels' }).click();
  await expect(page.getByText('Labels of 12 photos changed.')).toBeVisible();

  await page.getByRole('link', { name: 'Labels', exact: true }).click();
  await page.getByRole('checkbox', { name: 'Holiday, 12 photos' }).click();
  await expect(page.getByRole('region', { name: 'Your choice' })).toContainText('12 photos');
  const started = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Get the ZIP' }).click();
  const download = await started;
  const file = path.join(folder, 'holiday.zip');
  await download.saveAs(file);
  execFileSync(python, ['-m', 'imgtag', 'verify', file], { cwd: path.resolve('..') });
  await expect(page.getByRole('heading', { level: 2, name: 'Holiday' })).toBeVisible();
  await expect(page.getByText('Ready', { exact: true })).toBeVisible();
  rmSync(folder, { recursive: true });
});
