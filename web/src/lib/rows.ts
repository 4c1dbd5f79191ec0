export interface Sized {
  id: string;
  /** Width divided by height. */
  ratio: number;
  /** False until the server has looked at the photo: there is no thumbnail before that. */
  ready: boolean;
  takenAt: string | null;
}

export interface PlacedPhoto {
  id: string;
  /** Position in the whole list, from 0. */
  index: number;
  width: number;
}

export type Row =
  { kind: 'month'; title: string; height: number } | { kind: 'photos'; photos: PlacedPhoto[]; height: number };

export interface RowOptions {
  /** Pixels between the edges of the grid. */
  width: number;
  /** The height that rows aim for. */
  height: number;
  gap: number;
  headingHeight: number;
  /** The heading under which a photo belongs, or null for none. */
  heading: (photo: Sized) => string | null;
}

// Panoramas and screenshots of chats would otherwise take a row each, or vanish.
const clampRatio = (ratio: number) => Math.min(3, Math.max(0.5, ratio));

function placeRow(photos: [Sized, number][], options: RowOptions, full: boolean): Row {
  const gaps = options.gap * (photos.length - 1);
  const ratios = photos.reduce((sum, [photo]) => sum + clampRatio(photo.ratio), 0);
  const fitting = (options.width - gaps) / ratios;
  const height = Math.floor(full ? fitting : Math.min(fitting, options.height));
  const placed = photos.map(([photo, index]) => ({
    id: photo.id,
    index,
    width: Math.floor(height * clampRatio(photo.ratio)),
  }));
  const last = placed.at(-1);
  if (full && last)
    last.width = options.width - gaps - placed.slice(0, -1).reduce((sum, photo) => sum + photo.width, 0);
  return { kind: 'photos', photos: placed, height };
}

/**
 * Lays photos out in rows of equal height that fill the width, under a heading per month.
 * Rows depend only on what comes before them, so photos added at the end move nothing.
 */
export function layOutRows(photos: readonly Sized[], options: RowOptions): Row[] {
  const rows: Row[] = [];
  let row: [Sized, number][] = [];
  let ratios = 0;
  let title: string | null = null;
  const flush = (full: boolean) => {
    if (row.length > 0) rows.push(placeRow(row, options, full));
    row = [];
    ratios = 0;
  };
  photos.forEach((photo, index) => {
    const heading = options.heading(photo);
    if (heading !== title) {
      flush(false);
      if (heading !== null) rows.push({ kind: 'month', title: heading, height: options.headingHeight });
      title = heading;
    }
    row.push([photo, index]);
    ratios += clampRatio(photo.ratio);
    if (ratios * options.height + options.gap * (row.length - 1) >= options.width) flush(true);
  });
  flush(false);
  return rows;
}
