import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import type { Bundle } from '@/api/types';
import { aBundle, FakeServer } from '@/testing/fake-server';
import { show } from '@/testing/show';
import { BundlesPage } from './bundles-page';

let server: FakeServer;

function showBundles(...bundles: Bundle[]) {
  server.on('GET /api/bundles', { body: { bundles, next_cursor: null } });
  return show(<BundlesPage />);
}

beforeEach(() => {
  server = new FakeServer().on('DELETE /api/bundles/b1', { status: 204 });
  server.install();
});

it('leads to the labels when there is no ZIP yet', async () => {
  showBundles();
  expect(await screen.findByRole('link', { name: 'To the labels' })).toBeTruthy();
});

it('lets the browser download a ready ZIP, and copies its short link', async () => {
  const user = userEvent.setup();
  showBundles(aBundle);
  const download = await screen.findByRole('link', { name: /Download/ });
  expect(download.getAttribute('href')).toBe('/api/bundles/b1/archive');
  Object.defineProperty(window, 'isSecureContext', { value: true, configurable: true });
  await user.click(screen.getByRole('button', { name: 'Copy link' }));
  expect(await navigator.clipboard.readText()).toBe(`${window.location.origin}/b/abc`);
});

it('shows progress in photos and bytes, and cancels', async () => {
  showBundles({ ...aBundle, state: 'building', progress: { photos: 1, bytes: 600_000 } });
  expect(await screen.findByText('1 of 2 photos, 600 kB of 2.4 MB')).toBeTruthy();
  await userEvent.click(screen.getByRole('button', { name: 'Cancel' }));
  expect(server.asked.some(({ call }) => call === 'DELETE /api/bundles/b1')).toBe(true);
});

it('says why a ZIP failed and offers to make it again', async () => {
  server.on('POST /api/bundles', { status: 202, body: { ...aBundle, id: 'b2', state: 'queued' } });
  showBundles({ ...aBundle, state: 'failed', failure: { code: 'gone', detail: 'A photo is missing.' } });
  expect(await screen.findByText('A photo is missing.')).toBeTruthy();
  await userEvent.click(screen.getByRole('button', { name: 'Make again' }));
  await expect
    .poll(() => server.asked.find(({ call }) => call === 'POST /api/bundles')?.body)
    .toMatchObject({ query: { any: ['Lake'] } });
});

it('asks before it revokes a link that others may be using', async () => {
  showBundles(aBundle);
  await userEvent.click(await screen.findByRole('button', { name: 'Revoke the link' }));
  expect(server.asked.some(({ call }) => call.startsWith('DELETE'))).toBe(false);
  const dialog = screen.getByRole('dialog');
  await userEvent.click(within(dialog).getByRole('button', { name: 'Revoke the link' }));
  expect(server.asked.some(({ call }) => call === 'DELETE /api/bundles/b1')).toBe(true);
});

it('tells that photos come back from cold storage slowly', async () => {
  showBundles({ ...aBundle, state: 'restoring', progress: { photos: 0, bytes: 0 } });
  expect(await screen.findByText(/You can close this page/)).toBeTruthy();
});
