import type { PlacedPhoto, Row } from '@/lib/rows';

export interface FocusTarget {
  id: string;
  row: number;
}

type PhotoRow = { row: number; photos: PlacedPhoto[] };

const middle = (photos: PlacedPhoto[], n: number) => {
  const before = photos.slice(0, n).reduce((sum, photo) => sum + photo.width, 0);
  return before + (photos[n]?.width ?? 0) / 2;
};

/** The photo in `photos` whose middle is closest to x. */
function nearest(photos: PlacedPhoto[], x: number): PlacedPhoto | undefined {
  const distances = photos.map((_, n) => Math.abs(middle(photos, n) - x));
  return photos[distances.indexOf(Math.min(...distances))];
}

function step(lines: PhotoRow[], line: number, column: number, key: string): [number, PlacedPhoto | undefined] | null {
  const here = lines[line]?.photos ?? [];
  const across = (to: number): [number, PlacedPhoto | undefined] => [
    to,
    nearest(lines[to]?.photos ?? [], middle(here, column)),
  ];
  const last = lines.length - 1;
  switch (key) {
    case 'ArrowRight':
      return here[column + 1] ? [line, here[column + 1]] : [line + 1, lines[line + 1]?.photos[0]];
    case 'ArrowLeft':
      return column > 0 ? [line, here[column - 1]] : [line - 1, lines[line - 1]?.photos.at(-1)];
    case 'ArrowDown':
      return across(line + 1);
    case 'ArrowUp':
      return across(line - 1);
    case 'PageDown':
      return across(Math.min(line + 4, last));
    case 'PageUp':
      return across(Math.max(line - 4, 0));
    case 'Home':
      return [0, lines[0]?.photos[0]];
    case 'End':
      return [last, lines[last]?.photos.at(-1)];
    default:
      return null;
  }
}

/** Where a key moves the focus in the grid; null where it does not move it. */
export function moveFocus(rows: readonly Row[], id: string, key: string): FocusTarget | null {
  const lines = rows.flatMap((row, n): PhotoRow[] => (row.kind === 'photos' ? [{ row: n, photos: row.photos }] : []));
  const line = lines.findIndex(({ photos }) => photos.some((photo) => photo.id === id));
  const column = lines[line]?.photos.findIndex((photo) => photo.id === id) ?? -1;
  if (column < 0) return null;
  const [to, photo] = step(lines, line, column, key) ?? [];
  const row = lines[to ?? -1]?.row;
  return photo && row !== undefined ? { id: photo.id, row } : null;
}
