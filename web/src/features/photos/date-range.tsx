import type { PhotoFilter } from '@/lib/photo-filter';
import { photosTexts } from '@/texts';

interface Props {
  filter: PhotoFilter;
  onChange: (filter: PhotoFilter) => void;
}

/** Two of the browser's own date fields: they speak the user's language and suit a phone. */
export function DateRange({ filter, onChange }: Props) {
  return (
    <div className="dates">
      <label>
        <span>{photosTexts.from}</span>
        <input
          type="date"
          value={filter.from}
          max={filter.to || undefined}
          onChange={({ target }) => onChange({ ...filter, from: target.value })}
        />
      </label>
      <label>
        <span>{photosTexts.to}</span>
        <input
          type="date"
          value={filter.to}
          min={filter.from || undefined}
          onChange={({ target }) => onChange({ ...filter, to: target.value })}
        />
      </label>
    </div>
  );
}
