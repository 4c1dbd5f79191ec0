import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'react-router';
import { headingsFor } from '@/lib/headings';
import type { Sort } from '@/lib/photo-filter';
import type { Preferences } from '@/lib/preferences';
import { layOutRows, type Row, type Sized } from '@/lib/rows';
import { extend, noSelection, type Selection, selectAll, toggle } from '@/lib/selection';
import { photosTexts } from '@/texts';
import { usePhone } from '@/ui/use-media';
import { usePreferences } from '@/ui/use-preferences';
import { moveFocus } from './move-focus';
import { PhotoRow } from './photo-row';
import { useWidth } from './use-width';

const gap = 6;
const heights: Record<Preferences['thumbnails'], number> = { small: 132, medium: 196, large: 280 };

interface Props {
  photos: readonly Sized[];
  order: readonly string[];
  sort: Sort;
  base: string;
  selection: Selection;
  /** True while a click ticks a photo instead of opening it. */
  picking: boolean;
  onSelect: (selection: Selection) => void;
}

function useRows(photos: readonly Sized[], width: number, sort: Sort): Row[] {
  const { thumbnails } = usePreferences();
  const phone = usePhone();
  return useMemo(() => {
    if (width === 0) return [];
    const byDate = sort === 'taken_at' || sort === '-taken_at';
    const height = phone ? heights[thumbnails] * 0.6 : heights[thumbnails];
    const heading = byDate ? headingsFor(photos) : () => null;
    return layOutRows(photos, { width, height, gap, headingHeight: 44, heading });
  }, [photos, width, sort, thumbnails, phone]);
}

/** The photos in justified rows. Only the rows near the window exist; the scrollbar is true all the same. */
export function PhotoGrid({ photos, order, sort, base, selection, picking, onSelect }: Props) {
  const grid = useRef<HTMLDivElement>(null);
  const width = useWidth(grid);
  const rows = useRows(photos, width, sort);
  const [scrollMargin, setScrollMargin] = useState(0);
  const [focused, setFocused] = useState<string | null>(null);
  const { search } = useLocation();
  useLayoutEffect(() => setScrollMargin(grid.current?.offsetTop ?? 0), [rows]);
  // What stands above may come later, or grow.
  useEffect(() => {
    const page = grid.current?.parentElement;
    if (!page) return;
    const watch = new ResizeObserver(() => setScrollMargin(grid.current?.offsetTop ?? 0));
    watch.observe(page);
    return () => watch.disconnect();
  }, []);
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: (n) => (rows[n]?.height ?? 0) + gap,
    overscan: 3,
    scrollMargin,
  });
  useLayoutEffect(() => virtual.measure(), [virtual, rows]);
  const current = focused !== null && order.includes(focused) ? focused : order[0];
  const tick = useCallback(
    (id: string, range: boolean) => onSelect(range ? extend(selection, id, order) : toggle(selection, id)),
    [selection, order, onSelect],
  );

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === ' ' && current) tick(current, event.shiftKey);
    else if (event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey)) onSelect(selectAll(order));
    else if (event.key === 'Escape' && picking) onSelect(noSelection);
    else {
      const target = moveFocus(rows, current ?? '', event.key);
      if (target === null) return;
      setFocused(target.id);
      virtual.scrollToIndex(target.row);
      if (event.shiftKey)
        onSelect(extend(selection.anchor ? selection : toggle(selection, current ?? ''), target.id, order));
      window.requestAnimationFrame(() =>
        grid.current?.querySelector<HTMLElement>(`[data-photo="${target.id}"]`)?.focus(),
      );
    }
    event.preventDefault();
  };

  return (
    <div
      ref={grid}
      role="grid"
      aria-label={photosTexts.grid}
      aria-rowcount={rows.length}
      aria-multiselectable
      className={picking ? 'grid picking' : 'grid'}
      style={{ height: virtual.getTotalSize() }}
      onKeyDown={onKeyDown}
    >
      {virtual.getVirtualItems().map(({ index, start }) => {
        const row = rows[index];
        return (
          row && (
            <PhotoRow
              key={index}
              row={row}
              index={index}
              top={start - scrollMargin}
              photos={photos}
              selection={selection}
              picking={picking}
              current={current}
              base={base}
              search={search}
              onTick={tick}
              onFocus={setFocused}
            />
          )
        );
      })}
    </div>
  );
}
