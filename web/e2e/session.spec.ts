import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { chooseFolder, expect, test } from './fixtures';
import { expectAccessible } from './looks';
import { makePhotos, type Server, temporaryFolder } from './server';

// Being signed out shows in the console as the 401 that says so.
test.use({ settings: { IMGTAG_AUTH: 'local' }, allowed: /401/ });

const password = 'correct horse battery';

function setUpCode(server: Server): string {
  const code = /code\W+([A-Za-z0-9-]{6,})/i.exec(server.output)?.[1];
  if (code === undefined) throw new Error(`no set-up code in:\n${server.output}`);
  return code;
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('User name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('first account, expiry in the middle of an upload, and two people kept apart', async ({
  page,
  server,
  context,
  browser,
}) => {
  test.slow();
  await expect(page.getByLabel('Set-up code')).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('Set-up code').fill(setUpCode(server));
  await page.getByLabel('User name').fill('ada');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Make the account' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Bring your photos');

  const folder = temporaryFolder();
  makePhotos(path.join(folder, 'one'), 3);
  await context.clearCookies();
  await chooseFolder(page, path.join(folder, 'one'));
  const dialog = page.getByRole('dialog', { name: 'Please sign in again' });
  await expect(dialog).toBeVisible();
  await expectAccessible(page);
  await signIn(page, 'ada');
  await expect(dialog).toBeHidden();
  await page.getByRole('link', { name: 'Uploads' }).click();
  await expect(page.getByText('3 photos added')).toBeVisible();

  const other = await browser.newContext();
  const stranger = await other.newPage();
  await stranger.goto(server.url);
  await stranger.getByLabel('User name').fill('ada');
  await stranger.getByLabel('Password').fill('a wrong one, surely');
  await stranger.getByRole('button', { name: 'Sign in' }).click();
  await expect(stranger.getByText('User name or password is wrong.')).toBeVisible();
  await expectAccessible(stranger);

  server.addUser('bob', password);
  await signIn(stranger, 'bob');
  await expect(stranger.getByRole('heading', { level: 1 })).toContainText('Bring your photos');
  await chooseFolder(stranger, path.join(folder, 'one'));
  await stranger.getByRole('link', { name: 'Uploads' }).click();
  await expect(stranger.getByText('3 photos added')).toBeVisible();
  await stranger.getByRole('link', { name: 'Photos', exact: true }).click();
  await page.getByRole('link', { name: 'Photos', exact: true }).click();
  const hers = await page.getByRole('grid').getByRole('link').first().getAttribute('data-photo');
  await stranger.goto(`${server.url}/photos/${hers ?? ''}`);
  await expect(stranger.getByText('This photo is gone')).toBeVisible();
  await other.close();
  rmSync(folder, { recursive: true });
});
