import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { FakeServer } from '@/testing/fake-server';
import { show } from '@/testing/show';
import { ImportPanel } from './import-panel';

const running = {
  id: 'i1',
  source: 's3://bucket/2024',
  state: 'running',
  found: 9,
  copied: 5,
  duplicates: 3,
  skipped: 1,
  bytes: 5_000_000,
  failures: [{ file_name: '2024/notes.txt', code: 'unsupported_format', detail: 'This is text.' }],
  created_at: '2026-05-01T12:00:00Z',
  finished_at: null,
};

let server: FakeServer;

async function start() {
  const user = userEvent.setup();
  show(<ImportPanel />);
  await user.click(screen.getByRole('button', { name: 'Import from a folder or bucket' }));
  await user.type(screen.getByLabelText('Address'), ' s3://bucket/2024 ');
  await user.click(screen.getByRole('button', { name: 'Import' }));
  return user;
}

beforeEach(() => {
  server = new FakeServer()
    .on('POST /api/imports', { status: 202, body: running })
    .on('GET /api/imports/i1', { body: running })
    .on('DELETE /api/imports/i1', { status: 204 });
  server.install();
});

it('starts an import, shows how far it is and what was left out, and cancels it', async () => {
  const user = await start();
  expect(await screen.findByText('Importing: 5 photos imported, 3 known before')).toBeTruthy();
  expect(server.asked.find(({ call }) => call === 'POST /api/imports')?.body).toEqual({ source: 's3://bucket/2024' });
  expect(screen.getByText('2024/notes.txt: This is text.')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Cancel the import' }));
  expect(server.asked.some(({ call }) => call === 'DELETE /api/imports/i1')).toBe(true);
});

it('says how it ended, and why, and offers no more to cancel', async () => {
  const failure = { code: 'source_not_found', detail: 'There is no such bucket.' };
  server.on('GET /api/imports/i1', { body: { ...running, state: 'failed', failure } });
  await start();
  expect(await screen.findByText('There is no such bucket.')).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Cancel the import' })).toBeNull();
});

it('tells a place that is not allowed', async () => {
  const detail = 'This place is not among those that may be imported from.';
  server.on('POST /api/imports', { status: 403, body: { code: 'source_not_allowed', detail } });
  await start();
  expect(await screen.findByText(detail)).toBeTruthy();
});

it('says what an import would find and cost before anything is copied', async () => {
  const labelling = { calls: 1200, dollars: 1.2 };
  const estimate = {
    source: 's3://bucket/2024',
    files: 1500,
    bytes: 4e9,
    known: 300,
    skipped: 2,
    labelling,
    complete: false,
  };
  server.on('POST /api/imports/preview', { body: estimate });
  const user = userEvent.setup();
  show(<ImportPanel />);
  await user.click(screen.getByRole('button', { name: 'Import from a folder or bucket' }));
  await user.type(screen.getByLabelText('Address'), 's3://bucket/2024');
  await user.click(screen.getByRole('button', { name: 'Look what is there' }));
  const found =
    'At least 1,500 files, 4 GB; 300 files imported before; 2 files skipped; labelling costs $1.20 at most.';
  expect(await screen.findByText(found)).toBeTruthy();
  expect(server.asked.some(({ call }) => call === 'POST /api/imports')).toBe(false);
});

it('keeps what runs in view while another address is typed', async () => {
  const user = await start();
  await screen.findByText('Importing: 5 photos imported, 3 known before');
  await user.type(screen.getByLabelText('Address'), '/2025');
  expect(screen.getByRole('button', { name: 'Cancel the import' })).toBeTruthy();
});
