import type { Page } from '@playwright/test';
import { layOutRows, type Sized } from '../src/lib/rows';

type Entry = [id: string, width: number | null, height: number | null, takenAt: string | null];

interface FloorRow {
  top: number;
  height: number;
  photos: { id: string; left: number; width: number }[];
}

const gap = 6;
const pageStyle =
  'body{margin:0;overflow-y:scroll}main{position:relative;margin:220px 38px}img{position:absolute;object-fit:cover}';
const html = `<!doctype html><title>floor</title><style>${pageStyle}</style><main role="grid"></main>`;

function placeRows(entries: Entry[], width: number): FloorRow[] {
  const photos = entries.map(([id, w, h, takenAt]): Sized => ({
    id,
    ratio: w && h ? w / h : 1.5,
    ready: true,
    takenAt,
  }));
  let top = 0;
  return layOutRows(photos, { width, height: 196, gap, headingHeight: 0, heading: () => null }).map((row) => {
    let left = 0;
    const placed = row.kind === 'photos' ? row.photos : [];
    const floorRow = {
      top,
      height: row.height,
      photos: placed.map(({ id, width }) => ({ id, left: (left += width + gap) - width - gap, width })),
    };
    top += row.height + gap;
    return floorRow;
  });
}

/** Runs in the browser: keeps the images of the rows near the window, and nothing else. */
function keepNearRows(rows: FloorRow[]): void {
  const grid = document.querySelector('main');
  const shown = new Map<FloorRow, HTMLImageElement[]>();
  const add = (row: FloorRow) =>
    row.photos.map(({ id, left, width }) => {
      const image = new Image(width, row.height);
      image.decoding = 'async';
      image.style.cssText = `left:${left}px;top:${row.top}px`;
      image.src = `/api/photos/${id}/thumbnail`;
      grid?.append(image);
      return image;
    });
  const update = () => {
    const from = window.scrollY - 820;
    const near = new Set(rows.filter(({ top }) => top > from && top < from + window.innerHeight + 1200));
    for (const [row, images] of shown) {
      if (near.has(row)) continue;
      for (const image of images) image.remove();
      shown.delete(row);
    }
    for (const row of near) if (!shown.has(row)) shown.set(row, add(row));
  };
  const last = rows.at(-1);
  if (grid && last) grid.style.height = `${last.top + last.height}px`;
  window.addEventListener('scroll', update);
  update();
}

/**
 * What this machine and browser can do at all: the same photos in the same rows as plain images, put in
 * and taken out by forty lines of script, with no framework, corners, links or ticks.
 */
export async function openFloor(page: Page, url: string): Promise<void> {
  const { photos } = (await (await fetch(`${url}/api/photos/layout?sort=-taken_at`)).json()) as { photos: Entry[] };
  await page.route('**/floor', (route) => route.fulfill({ contentType: 'text/html', body: html }));
  await page.goto(`${url}/floor`);
  const width = await page.evaluate(() => document.querySelector('main')?.clientWidth ?? 0);
  await page.evaluate(keepNearRows, placeRows(photos, width));
  await page.waitForLoadState('networkidle');
}
