import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import type { Photo } from '@/api/types';
import { aPhoto, FakeServer } from '@/testing/fake-server';
import { show } from '@/testing/show';
import { ViewerPanel } from './viewer-panel';

let server: FakeServer;

function showPhoto(photo: Photo = aPhoto) {
  server.on('GET /api/photos/p1', { body: photo });
  return show(<ViewerPanel photoId="p1" boxes={false} onBoxes={() => undefined} onRemoved={() => undefined} />);
}

beforeEach(() => {
  server = new FakeServer().on('GET /api/labels', { body: { labels: {} } });
  server.install();
});

it('says how sure a label is and where it comes from', async () => {
  showPhoto({ ...aPhoto, labels: [...aPhoto.labels, { name: 'Home', confidence: 100, source: 'user', parents: [] }] });
  expect(await screen.findByText('96 % sure · by squeezenet · a kind of Nature')).toBeTruthy();
  expect(screen.getByText('you')).toBeTruthy();
});

it('removes a label at once and offers the way back', async () => {
  showPhoto();
  server.on('PATCH /api/photos/p1', ({ body }) => {
    const { labels } = body as { labels: { remove?: string[] } };
    return { body: { ...aPhoto, labels: labels.remove ? [] : aPhoto.labels } };
  });
  await userEvent.click(await screen.findByRole('button', { name: 'Remove Lake' }));
  expect(screen.queryByText('Lake')).toBeNull();
  await userEvent.click(await screen.findByRole('button', { name: 'Undo' }));
  expect(await screen.findByText('Lake')).toBeTruthy();
  const edits = server.asked.filter(({ call }) => call === 'PATCH /api/photos/p1').map(({ body }) => body);
  expect(edits).toEqual([{ labels: { remove: ['Lake'] } }, { labels: { add: ['Lake'] } }]);
});

it('puts a label back when the server refuses its removal', async () => {
  showPhoto();
  server.on('PATCH /api/photos/p1', { status: 503, body: { code: 'unavailable', detail: 'Not now.' } });
  await userEvent.click(await screen.findByRole('button', { name: 'Remove Lake' }));
  expect(await screen.findByText('Not now.')).toBeTruthy();
  expect(screen.getByText('Lake')).toBeTruthy();
});

it('says why a photo has no labels', async () => {
  showPhoto({ ...aPhoto, state: 'failed', labels: [], failure: { code: 'damaged', detail: 'The file ends early.' } });
  expect(await screen.findByText(/The file ends early/)).toBeTruthy();
});

it('says so when the photo is gone', async () => {
  show(<ViewerPanel photoId="p9" boxes={false} onBoxes={() => undefined} onRemoved={() => undefined} />);
  expect(await screen.findByText('This photo is gone')).toBeTruthy();
});
