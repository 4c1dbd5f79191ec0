import { flipLabel, included, type PhotoFilter, withoutLabel } from '@/lib/photo-filter';
import { photosTexts } from '@/texts';

interface Props {
  filter: PhotoFilter;
  onChange: (filter: PhotoFilter) => void;
}

interface ChipProps {
  text: string;
  excluded?: boolean;
  flipText?: string;
  onFlip?: () => void;
  dropText: string;
  onDrop: () => void;
}

function Chip({ text, excluded = false, flipText, onFlip, dropText, onDrop }: ChipProps) {
  return (
    <span className={excluded ? 'chip chip-out' : 'chip'}>
      {onFlip ? (
        <button
          type="button"
          className="plain-button chip-text"
          title={flipText}
          aria-label={flipText}
          onClick={onFlip}
        >
          {text}
        </button>
      ) : (
        <span className="chip-text">{text}</span>
      )}
      <button type="button" className="plain-button chip-drop" aria-label={dropText} onClick={onDrop}>
        ×
      </button>
    </span>
  );
}

/** The labels and the name in the filter. A click on a label turns "has" into "has not". */
export function FilterChips({ filter, onChange }: Props) {
  const chip = (label: string, excluded: boolean) => (
    <Chip
      key={label}
      text={excluded ? `${photosTexts.hasNot} ${label}` : label}
      excluded={excluded}
      flipText={photosTexts.flip(label, excluded)}
      onFlip={() => onChange(flipLabel(filter, label))}
      dropText={photosTexts.dropLabel(label)}
      onDrop={() => onChange(withoutLabel(filter, label))}
    />
  );
  return (
    <>
      {included(filter).map((label) => chip(label, false))}
      {filter.none.map((label) => chip(label, true))}
      {filter.name && (
        <Chip
          text={photosTexts.named(filter.name)}
          dropText={photosTexts.dropName}
          onDrop={() => onChange({ ...filter, name: '' })}
        />
      )}
    </>
  );
}
