import { describe, expect, it } from 'vitest';
import { layOutRows, type Row, type RowOptions, type Sized } from './rows';

const options: RowOptions = { width: 1200, height: 200, gap: 6, headingHeight: 40, heading: () => null };

// A fixed sequence that looks random: the same photos on each run.
const ratios = Array.from({ length: 10_000 }, (_, n) => 0.4 + ((n * 7919) % 300) / 100);
const photos: Sized[] = ratios.map((ratio, n) => ({ id: `p${n}`, ratio, ready: true, takenAt: null }));

const photosOf = (rows: Row[]) => rows.flatMap((row) => (row.kind === 'photos' ? row.photos : []));

describe('layOutRows', () => {
  it('places every photo once, in order', () => {
    expect(photosOf(layOutRows(photos, options)).map(({ id }) => id)).toEqual(photos.map(({ id }) => id));
  });

  it('fills the width of every full row to the pixel', () => {
    for (const row of layOutRows(photos, options).slice(0, -1)) {
      if (row.kind !== 'photos') continue;
      const width = row.photos.reduce((sum, photo) => sum + photo.width, 0) + 6 * (row.photos.length - 1);
      expect(width).toBe(1200);
    }
  });

  it('does not stretch the last row', () => {
    expect(layOutRows(photos.slice(0, 1), options)[0]?.height).toBe(200);
  });

  it('moves nothing when photos are added at the end', () => {
    const before = layOutRows(photos.slice(0, 500), options);
    expect(layOutRows(photos, options).slice(0, before.length - 1)).toEqual(before.slice(0, -1));
  });

  it('starts a row under a heading where the month changes', () => {
    const dated = photos.slice(0, 4).map((photo, n) => ({ ...photo, takenAt: n < 2 ? 'May' : 'June' }));
    const rows = layOutRows(dated, { ...options, heading: ({ takenAt }) => takenAt });
    expect(rows.map((row) => (row.kind === 'month' ? row.title : row.photos.length))).toEqual(['May', 2, 'June', 2]);
  });

  it('gives a panorama no more than a sensible share', () => {
    const [row] = layOutRows([{ id: 'wide', ratio: 40, ready: true, takenAt: null }], options);
    expect(row?.height).toBe(200);
  });
});
