import { fireEvent, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { Route, Routes } from 'react-router';
import { beforeEach, expect, it } from 'vitest';
import { aConfig, FakeServer } from '@/testing/fake-server';
import { show } from '@/testing/show';
import { UploadQueue } from '@/uploader/upload-queue';
import { PhotosPage } from './photos-page';

let server: FakeServer;

const layout = {
  photos: [
    ['p1', 300, 200, '2026-05-03T10:00:00Z'],
    ['p2', 200, 300, null],
    ['p3', null, null, null],
  ],
};

const never = () => new Promise<never>(() => undefined);

function showPhotos(address = '/photos', trashed = false, queue?: UploadQueue) {
  return show(
    <Routes>
      <Route path="/:page/:photoId?" element={<PhotosPage trashed={trashed} />} />
    </Routes>,
    address,
    queue,
  );
}

beforeEach(() => {
  server = new FakeServer()
    .on('GET /api/config', { body: aConfig })
    .on('GET /api/labels', { body: { labels: { Lake: { count: 2 } } } })
    .on('GET /api/photos/layout', { body: layout });
  server.install();
});

it('counts what the filter in the address matches, and asks the server for just that', async () => {
  showPhotos('/photos?all=Lake&none=City&state=labelled');
  expect(await screen.findByText('3 photos')).toBeTruthy();
  const asked = server.asked.find(({ call }) => call === 'GET /api/photos/layout');
  expect(asked?.search).toBe('?all=Lake&none=City&sort=-taken_at&state=labelled');
});

it('applies dates by itself, and leaves out photos without one', async () => {
  showPhotos('/photos?from=2026-05-01&to=2026-05-31');
  expect(await screen.findByText('1 photo')).toBeTruthy();
});

it('tells an empty library from a filter without a match', async () => {
  server.on('GET /api/photos/layout', { body: { photos: [] } });
  const { unmount } = showPhotos('/photos?q=nothing');
  expect(await screen.findByText('No photo matches')).toBeTruthy();
  unmount();
  showPhotos();
  expect(await screen.findByText(/Bring your photos/)).toBeTruthy();
});

it('keeps what was chosen while the page changed behind the dialog', async () => {
  server.on('GET /api/photos/layout', { body: { photos: [] } });
  const queue = new UploadQueue({ hash: never, reserve: never, put: never, wait: never });
  const { unmount } = showPhotos('/photos', false, queue);
  const chooser = await screen.findByTestId('choose-files');
  unmount();
  Object.defineProperty(chooser, 'files', { value: [new File(['x'], 'late.jpg', { type: 'image/jpeg' })] });
  fireEvent.change(chooser);
  expect(queue.items.map(({ path }) => path)).toEqual(['late.jpg']);
});

it('says why photos could not be loaded, and tries again', async () => {
  server.on('GET /api/photos/layout', { status: 422, body: { code: 'invalid_request', detail: 'Too many labels.' } });
  showPhotos();
  expect(await screen.findByText('Too many labels.')).toBeTruthy();
  server.on('GET /api/photos/layout', { body: layout });
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('3 photos')).toBeTruthy();
});

it('turns a label from wanted to unwanted with one click', async () => {
  showPhotos('/photos?all=Lake');
  await userEvent.click(await screen.findByRole('button', { name: 'Hide photos with Lake instead' }));
  expect(await screen.findByText('Without label Lake')).toBeTruthy();
});

it('asks before it empties the trash', async () => {
  server.on('DELETE /api/trash', { body: { deleted: 3 } });
  showPhotos('/trash', true);
  await userEvent.click(await screen.findByRole('button', { name: 'Empty the trash' }));
  expect(server.asked.some(({ call }) => call === 'DELETE /api/trash')).toBe(false);
  await userEvent.click(screen.getAllByRole('button', { name: 'Empty the trash' }).at(-1) as HTMLElement);
  expect(await screen.findByText('The trash is empty.')).toBeTruthy();
});
