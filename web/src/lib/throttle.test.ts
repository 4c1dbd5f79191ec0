import { expect, it, vi } from 'vitest';
import { throttle } from './throttle';

it('acts at once, then once more per interval however often it is asked', () => {
  vi.useFakeTimers();
  let runs = 0;
  const ask = throttle(() => (runs += 1), 1000);
  for (let n = 0; n < 50; n += 1) ask();
  expect(runs).toBe(1);
  vi.advanceTimersByTime(1000);
  expect(runs).toBe(2);
  vi.advanceTimersByTime(5000);
  expect(runs).toBe(2);
  vi.useRealTimers();
});
