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
const local: Config = { ...aConfig, auth: { mode: 'local', setup_due: false, login_url: null, logout_url: null } };

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

const oidc: Config = {
  ...aConfig,
  auth: { mode: 'oidc', setup_due: false, login_url: '/api/auth/login', logout_url: '/api/auth/logout' },
};

it('leads to the provider where there is one, and back to this page', async () => {
  window.history.replaceState(null, '', '/labels?all=Lake&sign_in=sign_in_stale');
  showGate(oidc);
  const link = await screen.findByRole('link', { name: 'Sign in' });
  expect(link.getAttribute('href')).toBe(`/api/auth/login?back_to=${encodeURIComponent('/labels?all=Lake')}`);
  window.history.replaceState(null, '', '/');
});

it('says why the provider has sent somebody back', async () => {
  window.history.replaceState(null, '', '/?sign_in=sign_in_refused');
  showGate(oidc);
  expect(await screen.findByText('Signing in did not work')).toBeTruthy();
  expect(screen.getByText(/You were not let in/)).toBeTruthy();
  window.history.replaceState(null, '', '/');
});

it('signs in again in another tab, and goes on when that is done', async () => {
  const answer = { status: 200, body: { ...session, mode: 'oidc' } as unknown };
  server.on('GET /api/session', () => answer);
  showGate(oidc);
  await screen.findByText('The photos');
  Object.assign(answer, { status: 401, body: {} });
  signedOut.emit();
  const link = await screen.findByRole('link', { name: /Sign in/ });
  expect(link.getAttribute('href')).toBe('/api/auth/login?back_to=%2Fsigned-in');
  expect(link.getAttribute('target')).toBe('_blank');
  expect(screen.getByText('The photos')).toBeTruthy();
  Object.assign(answer, { status: 200, body: { ...session, mode: 'oidc' } });
  const otherTab = new BroadcastChannel('imgtag-session');
  otherTab.postMessage('signed in');
  await expect.poll(() => screen.queryByText('Please sign in again')).toBeNull();
  otherTab.close();
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
