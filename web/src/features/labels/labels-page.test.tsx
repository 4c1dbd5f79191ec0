import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { aBundle, aConfig, aStatus, FakeServer } from '@/testing/fake-server';
import { show } from '@/testing/show';
import { LabelsPage } from './labels-page';

let server: FakeServer;

const labels = { Lake: { count: 5 }, Mountain: { count: 12 }, Ærø: { count: 1 } };

beforeEach(() => {
  server = new FakeServer()
    .on('GET /api/config', { body: aConfig })
    .on('GET /api/status', { body: aStatus })
    .on('GET /api/photos', { body: { photos: [], next_cursor: null } })
    .on('GET /api/labels', { body: { labels } })
    .on('POST /api/bundles/preview', { body: { photos: 15, bytes: 42_000_000 } })
    .on('POST /api/bundles', { status: 202, body: { ...aBundle, state: 'queued' } });
  server.install();
});

it('says what a choice amounts to before anything is asked for', async () => {
  show(<LabelsPage />);
  await userEvent.click(await screen.findByRole('checkbox', { name: 'Lake, 5 photos' }));
  expect(await screen.findByText('15 photos')).toBeTruthy();
  expect(screen.getByText('42 MB')).toBeTruthy();
  expect(server.asked.some(({ call }) => call === 'POST /api/bundles')).toBe(false);
});

it('asks for the ZIP of exactly what was previewed, with a key of its own', async () => {
  show(<LabelsPage />, '/labels?all=Lake&all=Mountain');
  const button = await screen.findByRole('button', { name: 'Get the ZIP' });
  await screen.findByText('15 photos');
  await userEvent.click(button);
  const asked = server.asked.filter(({ call }) => call === 'POST /api/bundles');
  expect(asked.map(({ body }) => body)).toEqual([{ query: { all: ['Lake', 'Mountain'] }, sidecars: false }]);
  expect(asked[0]?.headers.get('Idempotency-Key')).toMatch(/^[0-9a-f]{32}$/);
});

it('offers any or all once two labels are ticked', async () => {
  show(<LabelsPage />, '/labels?any=Lake');
  await screen.findByRole('region', { name: 'Your choice' });
  expect(screen.queryByRole('radio', { name: 'All of these' })).toBeNull();
  await userEvent.click(screen.getByRole('checkbox', { name: 'Mountain, 12 photos' }));
  await userEvent.click(await screen.findByRole('radio', { name: 'All of these' }));
  const last = () => server.asked.filter(({ call }) => call === 'POST /api/bundles/preview').at(-1)?.body;
  await expect.poll(last).toEqual({ query: { all: ['Lake', 'Mountain'] } });
});

it('does not offer a ZIP of nothing', async () => {
  server.on('POST /api/bundles/preview', { body: { photos: 0, bytes: 22 } });
  show(<LabelsPage />, '/labels?all=Lake&all=Mountain');
  expect(await screen.findByText('No photo has all of these labels.')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Get the ZIP' }).closest('button')?.disabled).toBe(true);
});

it('finds labels and puts them in order', async () => {
  show(<LabelsPage />);
  await screen.findByRole('checkbox', { name: 'Lake, 5 photos' });
  await userEvent.click(screen.getByRole('radio', { name: 'A to Z' }));
  const names = () => screen.getAllByRole('checkbox').map((box) => box.getAttribute('aria-label')?.split(',')[0]);
  expect(names()).toEqual(['Ærø', 'Lake', 'Mountain']);
  await userEvent.type(screen.getByRole('searchbox', { name: 'Find a label' }), 'moun');
  expect(names()).toEqual(['Mountain']);
});

it('shows how to begin where there are no photos, and patience where there are no labels yet', async () => {
  server.on('GET /api/labels', { body: { labels: {} } });
  const { unmount } = show(<LabelsPage />);
  expect(await screen.findByText('No labels yet')).toBeTruthy();
  unmount();
  // Files that were announced and never sent are no photos.
  server.on('GET /api/status', { body: { ...aStatus, photos: { ...aStatus.photos, total: 3, awaiting: 3 } } });
  show(<LabelsPage />);
  expect(await screen.findByRole('button', { name: 'Choose photos' })).toBeTruthy();
});

it('says why labels could not be loaded, and tries again', async () => {
  server.on('GET /api/labels', { status: 500, body: { code: 'internal', detail: 'The catalog is resting.' } });
  show(<LabelsPage />);
  expect(await screen.findByText('The catalog is resting.')).toBeTruthy();
  server.on('GET /api/labels', { body: { labels } });
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await screen.findByRole('checkbox', { name: 'Lake, 5 photos' })).toBeTruthy();
});
