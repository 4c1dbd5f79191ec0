import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { FakeServer } from '@/testing/fake-server';
import { show } from '@/testing/show';
import { NotificationsPanel } from './notifications-panel';

const path = '/api/notifications';
let server: FakeServer;

beforeEach(() => {
  server = new FakeServer();
  server.install();
});

it('asks for an address only where the server sends something', async () => {
  show(<NotificationsPanel byServer={false} />);
  expect(await screen.findByText('Tell me in this browser when a ZIP is ready')).toBeTruthy();
  expect(screen.queryByLabelText('E-mail')).toBeNull();
  expect(server.asked).toEqual([]);
});

it('offers what this server sends by, and sends what was typed', async () => {
  const empty = { unconfirmed: [], channels: ['email'] };
  server.on(`GET ${path}`, { body: empty }).on(`PUT ${path}`, { body: empty });
  show(<NotificationsPanel byServer />);
  await userEvent.type(await screen.findByLabelText('E-mail'), 'ada@example.org');
  expect(screen.queryByLabelText('Text message')).toBeNull();
  await userEvent.click(screen.getByRole('button', { name: 'Save' }));
  expect(await screen.findByText('Saved.')).toBeTruthy();
  expect(server.asked.find(({ call }) => call === `PUT ${path}`)?.body).toEqual({ email: 'ada@example.org' });
});

it('shows where messages go, by a hint, and stops them', async () => {
  const body = { email: 'a…@example.org', unconfirmed: ['email'], channels: ['email', 'sms'] };
  server.on(`GET ${path}`, { body }).on(`PUT ${path}`, { body });
  show(<NotificationsPanel byServer />);
  expect(await screen.findByText('Messages go to a…@example.org')).toBeTruthy();
  expect(screen.getByText(/not confirmed yet/)).toBeTruthy();
  await userEvent.click(screen.getByRole('button', { name: 'Stop sending to a…@example.org' }));
  await expect.poll(() => server.asked.find(({ call }) => call === `PUT ${path}`)?.body).toEqual({ email: null });
});

it('says what is wrong with an address', async () => {
  server.on(`GET ${path}`, { body: { unconfirmed: [], channels: ['sms'] } });
  server.on(`PUT ${path}`, { status: 422, body: { code: 'invalid_phone', detail: 'a phone number begins with +' } });
  show(<NotificationsPanel byServer />);
  await userEvent.type(await screen.findByLabelText('Text message'), '0770');
  await userEvent.click(screen.getByRole('button', { name: 'Save' }));
  expect(await screen.findByText(/begins with \+/)).toBeTruthy();
});
