import { rmSync } from 'node:fs';
import { chooseFolder, expect, test as base } from './fixtures';
import { Provider } from './provider';
import { makePhotos, temporaryFolder } from './server';

const test = base.extend({
  // Being signed out shows in the console as the 401 that says so.
  allowed: /401/,
  // eslint-disable-next-line no-empty-pattern -- Playwright reads from here what a fixture stands on
  settings: async ({}, use) => {
    const provider = await new Provider().start();
    await use({ IMGTAG_AUTH: 'oidc', IMGTAG_OIDC_ISSUER: provider.issuer, IMGTAG_OIDC_CLIENT_ID: 'imgtag-web' });
    await provider.stop();
  },
});

test('in at a provider, expiry in the middle of an upload, and out again', async ({ page, context, server }) => {
  await page.goto(`${server.url}/uploads`);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(`${server.url}/uploads`);
  await expect(page.getByRole('link', { name: 'Photos' })).toBeVisible();

  const folder = temporaryFolder();
  makePhotos(folder, 3);
  await context.clearCookies();
  await chooseFolder(page, folder);
  const dialog = page.getByRole('dialog', { name: 'Please sign in again' });
  const opened = context.waitForEvent('page');
  await dialog.getByRole('link', { name: /Sign in/ }).click();
  await expect((await opened).getByText('You are signed in')).toBeVisible();
  await expect(dialog).toBeHidden();
  await expect(page.getByText('3 photos added')).toBeVisible();
  rmSync(folder, { recursive: true });

  await page.getByRole('button', { name: 'Account: ada' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await expect(page).toHaveURL(`${server.url}/`);
});

test('somebody whom the provider does not let in is told so', async ({ page, server }) => {
  await page.goto(`${server.url}/api/auth/callback?error=access_denied&state=nobodys`);
  await expect(page.getByText('Signing in did not work')).toBeVisible();
  await page.getByRole('link', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(`${server.url}/photos`);
});
