import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openSource } from './event-source';

class FakeSource extends EventTarget {
  static readonly CLOSED = 2;
  static all: FakeSource[] = [];
  readyState = 0;
  onopen: () => void = () => undefined;
  onerror: () => void = () => undefined;

  constructor() {
    super();
    FakeSource.all.push(this);
  }

  close() {
    this.readyState = FakeSource.CLOSED;
  }

  /** What a browser does with 204, or any answer that is no stream. */
  refuse() {
    this.close();
    this.onerror();
  }
}

const names: string[] = [];
const live: boolean[] = [];
const newest = () => FakeSource.all.at(-1);
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSource.all = [];
  names.length = live.length = 0;
  const page = Object.assign(new EventTarget(), { hidden: false });
  Object.assign(globalThis, { EventSource: FakeSource, window: new EventTarget(), document: page });
  close = openSource(
    ({ name }) => names.push(name),
    (now) => live.push(now),
  );
});

afterEach(() => {
  close();
  vi.useRealTimers();
});

it('tells that it is live, and what happens', () => {
  newest()?.onopen();
  newest()?.dispatchEvent(new MessageEvent('photo', { data: '{"id":"p1"}' }));
  expect(live).toEqual([true]);
  expect(names).toEqual(['open', 'photo']);
});

it('is not live where the server has no events, and asks again ever more seldom', () => {
  newest()?.refuse();
  expect(live).toEqual([false]);
  vi.advanceTimersByTime(5000);
  newest()?.refuse();
  vi.advanceTimersByTime(5000);
  expect(FakeSource.all).toHaveLength(2);
  vi.advanceTimersByTime(5000);
  expect(FakeSource.all).toHaveLength(3);
});

it('leaves it to the browser to mend a broken connection', () => {
  newest()?.onerror();
  vi.advanceTimersByTime(60_000);
  expect(FakeSource.all).toHaveLength(1);
});

it('connects anew when the network returns', () => {
  newest()?.refuse();
  window.dispatchEvent(new Event('online'));
  expect(FakeSource.all).toHaveLength(2);
});

it('connects anew when the page was hidden for long', () => {
  newest()?.onopen();
  document.dispatchEvent(new Event('visibilitychange'));
  expect(FakeSource.all).toHaveLength(1);
  Object.assign(document, { hidden: true });
  vi.advanceTimersByTime(40_000);
  Object.assign(document, { hidden: false });
  document.dispatchEvent(new Event('visibilitychange'));
  expect(FakeSource.all).toHaveLength(2);
});

it('connects anew after sleep, when no timer ran', () => {
  newest()?.onopen();
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(10_000);
  expect(FakeSource.all).toHaveLength(2);
});

it('holds no connection after it was closed', () => {
  close();
  expect(newest()?.readyState).toBe(FakeSource.CLOSED);
  vi.advanceTimersByTime(120_000);
  expect(FakeSource.all).toHaveLength(1);
});
