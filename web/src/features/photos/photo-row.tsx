import { memo } from 'react';
import { formatDateTime, formatNumber } from '@/lib/format';
import type { PlacedPhoto, Row, Sized } from '@/lib/rows';
import type { Selection } from '@/lib/selection';
import { photosTexts } from '@/texts';
import { PhotoTile } from './photo-tile';

export interface RowProps {
  row: Row;
  /** Position among the rows, from 0. */
  index: number;
  /** Pixels below the upper edge of the grid. */
  top: number;
  photos: readonly Sized[];
  selection: Selection;
  picking: boolean;
  /** The photo that the Tab key goes to. */
  current: string | undefined;
  /** The page below the viewer, `/photos` or `/trash`, and what its address asks for. */
  base: string;
  search: string;
  onTick: (id: string, range: boolean) => void;
  onFocus: (id: string) => void;
}

type Shared = Omit<RowProps, 'row' | 'index' | 'top'> & { height: number };

function renderTile({ id, index, width }: PlacedPhoto, shared: Shared) {
  const { photos, selection, current, base, search, height, picking, onTick, onFocus } = shared;
  const { takenAt, ready = false } = photos[index] ?? {};
  const taken = takenAt ? formatDateTime(takenAt) : '';
  return (
    <PhotoTile
      key={id}
      id={id}
      ready={ready}
      width={width}
      height={height}
      name={photosTexts.tile(formatNumber(index + 1), formatNumber(photos.length), taken)}
      href={`${base}/${encodeURIComponent(id)}${search}`}
      ticked={selection.ids.has(id)}
      picking={picking}
      focusable={id === current}
      onTick={onTick}
      onFocus={onFocus}
    />
  );
}

/** One row of the grid. Rows that stay while others come and go are not rendered again. */
export const PhotoRow = memo(function PhotoRow({ row, index, top, ...shared }: RowProps) {
  return (
    <div
      role="row"
      aria-rowindex={index + 1}
      className={row.kind === 'month' ? 'grid-month' : 'grid-row'}
      style={{ height: row.height, transform: `translateY(${top}px)` }}
    >
      {row.kind === 'month' ? (
        <h2 role="gridcell">{row.title}</h2>
      ) : (
        row.photos.map((photo) => renderTile(photo, { ...shared, height: row.height }))
      )}
    </div>
  );
});
