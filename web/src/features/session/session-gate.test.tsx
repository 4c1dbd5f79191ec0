import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, it } from 'vitest';
import { signedOut } from '@/api/client';
import type { Config } from '@/api/types';
import { aConfig, FakeServer } from '@/testing/fake-server';
import { show } from '@/testing/show';
import { SessionGate } from './session-gate';

let server: FakeServer;
const session = { username: 'ada', owner: 'ada', mode: 'local', scopes: ['read', 'write'] };
const local: Config = { ...aConfig, auth: { mode: 'local', setup_due: false, login_url: null } };

function showGate(config: Config, onSignedIn = () => undefined) {
  server.on('GET /api/config', { body: config });
  return show(<SessionGate onSignedIn={onSignedIn}>{() => <p>The photos</p>}</SessionGate>);
}

beforeEach(() => {
  server = new FakeServer().on('GET /api/session', { status: 401, body: {} });
  server.install();
});

it('lets everybody in where nobody signs in', async () => {
  server.on('GET /api/session', { body: { ...session, mode: 'none' } });
  showGate(aConfig);
  expect(await screen.findByText('The photos')).toBeTruthy();
});

it('asks for name and password, and says when they are wrong', async () => {
  server.on('POST /api/session', { status: 401, body: { code: 'unauthenticated' } });
  showGate(local);
  await userEvent.type(await screen.findByLabelText('User name'), 'ada');
  await userEvent.type(screen.getByLabelText('Password'), 'wrong');
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  expect(await screen.findByText('User name or password is wrong.')).toBeTruthy();
});

it('makes the first account where there is none', async () => {
  showGate({ ...local, auth: { ...local.auth, setup_due: true } });
  expect(await screen.findByLabelText('Set-up code')).toBeTruthy();
});

it('leads to the provider where there is one', async () => {
  showGate({ ...aConfig, auth: { mode: 'oidc', setup_due: false, login_url: '/api/auth/login' } });
  const link = await screen.findByRole('link', { name: /Sign in with your organisation/ });
  expect(link.getAttribute('href')).toBe('/api/auth/login');
});

it('covers the page when the session ends, and uncovers it as it was', async () => {
  let returns = 0;
  server.on('GET /api/session', { body: session }).on('POST /api/session', { body: session });
  showGate(local, () => void (returns += 1));
  await screen.findByText('The photos');
  signedOut.emit();
  expect(await screen.findByText('Please sign in again')).toBeTruthy();
  expect(screen.getByText('The photos')).toBeTruthy();
  const before = returns;
  await userEvent.type(screen.getByLabelText('User name'), 'ada');
  await userEvent.type(screen.getByLabelText('Password'), 'right');
  await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
  await expect.poll(() => screen.queryByText('Please sign in again')).toBeNull();
  expect(returns).toBeGreaterThan(before);
});
