import { act, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { ApiError } from '@/api/errors';
import { aConfig, FakeServer } from '@/testing/fake-server';
import { show } from '@/testing/show';
import type { UploadPorts } from '@/uploader/model';
import { UploadQueue } from '@/uploader/upload-queue';
import { UploadsPage } from './uploads-page';

const never = () => new Promise<never>(() => undefined);
const limits = { maxBytes: 1e6, formats: ['image/jpeg'] };

function showQueue(ports: Partial<UploadPorts>, names: string[]) {
  const queue = new UploadQueue({ hash: never, reserve: never, put: never, wait: never, ...ports });
  show(<UploadsPage />, '/uploads', queue);
  const files = names.map((name) => ({ path: name, file: new File(['x'], name, { type: 'image/jpeg' }) }));
  act(() => queue.add(files, limits));
  return queue;
}

beforeEach(() => {
  sessionStorage.clear();
  new FakeServer().on('GET /api/config', { body: aConfig }).install();
});

it('offers to choose photos when nothing is going on', async () => {
  show(<UploadsPage />);
  expect(await screen.findByRole('button', { name: 'Choose a folder' })).toBeTruthy();
});

it('tells after a reload how to go on', async () => {
  sessionStorage.setItem('imgtag-unfinished-uploads', '1204');
  show(<UploadsPage />);
  expect(await screen.findByText('An upload was interrupted with 1,204 files to go')).toBeTruthy();
});

it('pauses and resumes', async () => {
  const queue = showQueue({}, ['a.jpg', 'b.jpg']);
  await userEvent.click(await screen.findByRole('button', { name: 'Pause' }));
  expect(queue.paused).toBe('user');
  await userEvent.click(await screen.findByRole('button', { name: 'Resume' }));
  expect(queue.paused).toBeNull();
});

it('asks before cancelling, and keeps cancelled files for a retry', async () => {
  showQueue({}, ['a.jpg', 'b.jpg']);
  const cancel = () => screen.getAllByRole('button', { name: 'Cancel' });
  await screen.findByRole('button', { name: 'Pause' });
  await userEvent.click(cancel()[0] as HTMLElement);
  await userEvent.click(cancel().at(-1) as HTMLElement);
  expect(await screen.findByText('0 photos added, 2 files with problems')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Retry failed' })).toBeTruthy();
});

it('sums up what was added, known and failed', async () => {
  showQueue(
    {
      hash: (file) => Promise.resolve(file.name),
      reserve: (files) =>
        Promise.resolve(
          files.map(({ file_name }) =>
            file_name === 'known.jpg'
              ? { file_name, status: 'duplicate' as const, photo_id: 'p0' }
              : { file_name, status: 'new' as const, photo_id: file_name, url: '/put' },
          ),
        ),
      put: (ticket) =>
        ticket.photoId === 'bad.jpg' ? Promise.reject(new ApiError(413, 'too_large', '')) : Promise.resolve({}),
    },
    ['known.jpg', 'bad.jpg', 'good.jpg'],
  );
  expect(await screen.findByText('1 photo added, 1 photo already here, 1 file with problems')).toBeTruthy();
});
