import type { Browser, Page } from '@playwright/test';
import type { Server } from '../e2e/server';

export const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const percentile = (values: number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN;

/** A middling phone on a middling line: CPU at a quarter, 10 Mbit/s both ways, 40 ms. */
async function slowDown(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const bytesPerSecond = 10_000_000 / 8;
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 40,
    downloadThroughput: bytesPerSecond,
    uploadThroughput: bytesPerSecond,
  });
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
}

/** Waits until a thumbnail is there to be seen. */
export async function photosShown(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const first = document.querySelector<HTMLImageElement>('.tile img');
    return first !== null && first.complete && first.naturalWidth > 0;
  });
}

/** Milliseconds until the largest content is painted, with an empty cache. */
export async function largestPaint(browser: Browser, url: string): Promise<number> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await slowDown(page);
  await page.goto(url);
  await photosShown(page);
  await page.waitForLoadState('networkidle');
  const paint = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const show = (list: PerformanceObserverEntryList) => resolve(list.getEntries().at(-1)?.startTime ?? NaN);
        new PerformanceObserver(show).observe({ type: 'largest-contentful-paint', buffered: true });
      }),
  );
  await page.close();
  return paint;
}

export interface Scrolling {
  p50: number;
  p95: number;
  /** The most elements that the grid had at once. */
  nodes: number;
}

/** Scrolls by 120 pixels per frame, as a wheel does, and times the frames. */
export async function scroll(page: Page, frames: number): Promise<Scrolling> {
  const [times, nodes] = await page.evaluate(async (frames) => {
    const frame = () => new Promise<number>(requestAnimationFrame);
    const grid = document.querySelector('[role=grid]');
    const times: number[] = [];
    let nodes = 0;
    let last = await frame();
    for (let n = 0; n < frames; n++) {
      window.scrollBy(0, 120);
      const now = await frame();
      times.push(now - last);
      last = now;
      if (n % 20 === 0) nodes = Math.max(nodes, grid?.querySelectorAll('*').length ?? 0);
    }
    return [times, nodes] as const;
  }, frames);
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95), nodes };
}

/** Milliseconds from a change, made elsewhere, until the page shows it. */
export async function showsChange(page: Page, server: Pick<Server, 'call' | 'get'>): Promise<number> {
  const { photos } = await server.get<{ photos: { id: string }[] }>('/api/photos?limit=1');
  const address = `/api/photos/${photos[0]?.id ?? ''}`;
  const count = page.locator('.page-head p');
  const before = await count.textContent();
  const began = Date.now();
  await server.call('DELETE', address);
  await page.waitForFunction((text) => document.querySelector('.page-head p')?.textContent !== text, before);
  const took = Date.now() - began;
  await server.call('POST', `${address}/restore`);
  await count.getByText(before ?? '').waitFor();
  return took;
}
