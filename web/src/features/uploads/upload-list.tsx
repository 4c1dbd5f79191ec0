import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, useState } from 'react';
import { formatNumber } from '@/lib/format';
import { uploadsTexts } from '@/texts';
import { PillChoice } from '@/ui/pill-choice';
import type { UploadItem } from '@/uploader/model';
import { matches, type UploadFilter, uploadFilters } from './upload-filter';
import { UploadRow } from './upload-row';

const rowHeight = 52;

/** Every file, whatever became of it. Only the rows in sight exist. */
export function UploadList({ items }: { items: readonly UploadItem[] }) {
  const [filter, setFilter] = useState<UploadFilter>('all');
  const scroller = useRef<HTMLDivElement>(null);
  const shown = items.filter((item) => matches(item, filter));
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 6,
  });
  const options = uploadFilters.map((id) => {
    const count = items.filter((item) => matches(item, id)).length;
    return { id, text: `${uploadsTexts.filters[id]} ${formatNumber(count)}` };
  });
  return (
    <div className="stack">
      <PillChoice label={uploadsTexts.show} value={filter} options={options} onChange={setFilter} />
      {shown.length === 0 && <p className="soft">{uploadsTexts.nothingHere}</p>}
      <div ref={scroller} className="upload-list" tabIndex={0} role="region" aria-label={uploadsTexts.list}>
        <ul style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const item = shown[index];
            return (
              item && <UploadRow key={item.key} item={item} top={start} position={index + 1} total={shown.length} />
            );
          })}
        </ul>
      </div>
    </div>
  );
}
