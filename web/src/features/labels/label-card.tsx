import { useState } from 'react';
import { Link } from 'react-router';
import type { Label } from '@/api/labels';
import { emptyFilter, formatFilter } from '@/lib/photo-filter';
import { formatNumber } from '@/lib/format';
import { labelsTexts } from '@/texts';
import { ArrowIcon, CheckIcon } from '@/ui/icons';

interface Props {
  label: Label;
  ticked: boolean;
  onToggle: (name: string) => void;
}

export function LabelCard({ label: { name, count, cover }, ticked, onToggle }: Props) {
  const [broken, setBroken] = useState(false);
  const photos = `/photos?${formatFilter({ ...emptyFilter, all: [name] }).toString()}`;
  return (
    <li className={ticked ? 'label-card ticked' : 'label-card'}>
      <button
        type="button"
        role="checkbox"
        aria-checked={ticked}
        aria-label={labelsTexts.card(name, count)}
        className="plain-button label-tick"
        onClick={() => onToggle(name)}
      >
        {cover && !broken && (
          <img src={cover} alt="" loading="lazy" draggable={false} onError={() => setBroken(true)} />
        )}
        <span className="label-mark">
          <CheckIcon />
        </span>
        <span className="label-text">
          <span className="label-name">{name}</span>
          <span className="label-count">{formatNumber(count)}</span>
        </span>
      </button>
      <Link className="label-see" to={photos} aria-label={labelsTexts.see(name)} title={labelsTexts.see(name)}>
        <ArrowIcon />
      </Link>
    </li>
  );
}
