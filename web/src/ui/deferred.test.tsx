import { render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { shell } from '@/texts';
import { deferred } from './deferred';

const gone = () => Promise.reject(new TypeError('Failed to fetch dynamically imported module'));
const Part = () => <p>the part</p>;

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 500 });
});

afterEach(() => {
  vi.useRealTimers();
});

it('loads again what a broken line kept from coming', async () => {
  const load = vi.fn().mockImplementationOnce(gone).mockResolvedValue(Part);
  const Deferred = deferred<object>(load);
  render(<Deferred />);
  expect(await screen.findByText('the part')).toBeTruthy();
  expect(load).toHaveBeenCalledTimes(2);
});

it('says how to go on where the code is gone for good, and leaves the rest alone', async () => {
  const Deferred = deferred<object>(gone);
  render(
    <>
      <p>photos</p>
      <Deferred />
    </>,
  );
  expect(await screen.findByText(shell.notLoaded, {}, { timeout: 10_000 })).toBeTruthy();
  expect(screen.getByText(shell.reload)).toBeTruthy();
  expect(screen.getByText('photos')).toBeTruthy();
});

it('is there at once where it was prepared', async () => {
  const load = vi.fn().mockResolvedValue(Part);
  const Deferred = deferred<object>(load);
  Deferred.prepare();
  Deferred.prepare();
  await vi.waitFor(() => expect(load).toHaveBeenCalled());
  render(<Deferred />);
  expect(await screen.findByText('the part')).toBeTruthy();
  expect(load).toHaveBeenCalledTimes(1);
});
