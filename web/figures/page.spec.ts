import { rmSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { makePhotos, Server, temporaryFolder } from '../e2e/server';
import { largestPaint, median, scroll, showsChange } from './measures';

const photos = 10_000;
const rounds = 5;

/** A library of ten thousand photos; IMGTAG_FIGURES_SERVER names one that is there already. */
async function library(): Promise<Server> {
  const there = process.env.IMGTAG_FIGURES_SERVER;
  if (there) return Object.assign(new Server(), { url: there });
  const server = await new Server().start();
  const folder = makePhotos(temporaryFolder(), photos);
  server.cli('upload', folder, '--server', server.url);
  rmSync(folder, { recursive: true });
  return server;
}

function report(name: string, value: number, unit: string, budget: number): void {
  console.log(`${name.padEnd(44)} ${value.toFixed(0).padStart(6)} ${unit}   (budget ${budget})`);
  expect.soft(value, name).toBeLessThanOrEqual(budget);
}

async function repeat(times: number, measure: () => Promise<number>): Promise<number[]> {
  const values: number[] = [];
  for (let n = 0; n < times; n++) values.push(await measure());
  return values;
}

test('the page with ten thousand photos', async ({ browser, page }) => {
  const server = await library();
  try {
    const address = `${server.url}/photos`;
    const paints = await repeat(rounds, () => largestPaint(browser, address));
    report('largest contentful paint, CPU ×4, 10 Mbit/s', median(paints), 'ms', 2500);

    await page.goto(address);
    await page.locator('.tile img.shown').first().waitFor();
    const runs = [await scroll(page, 600), await scroll(page, 600), await scroll(page, 600)];
    report('frame while scrolling, p50', median(runs.map(({ p50 }) => p50)), 'ms', 20);
    report('frame while scrolling, p95', median(runs.map(({ p95 }) => p95)), 'ms', 20);
    report('elements in the grid, at most', Math.max(...runs.map(({ nodes }) => nodes)), '', 1000);

    await page.evaluate(() => window.scrollTo(0, 0));
    const live = await repeat(rounds, () => showsChange(page, server));
    report('a change elsewhere shows, by events', median(live), 'ms', 2000);
    await page.route('**/api/events', (route) => route.fulfill({ status: 204 }));
    await page.reload();
    await page.locator('.tile img.shown').first().waitFor();
    const polled = await repeat(rounds, () => showsChange(page, server));
    report('a change elsewhere shows, by asking', median(polled), 'ms', 2500);
  } finally {
    await server.stop();
  }
});
