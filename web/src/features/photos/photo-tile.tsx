import { type MouseEvent, useState } from 'react';
import { Link } from 'react-router';
import { thumbnailUrl } from '@/api/photos';
import { photosTexts } from '@/texts';
import { BrokenIcon, CheckIcon } from '@/ui/icons';

const Blank = () => (
  <span className="tile-blank">
    <BrokenIcon />
  </span>
);

function Thumbnail({ id }: { id: string }) {
  const [broken, setBroken] = useState(false);
  if (broken) return <Blank />;
  return <img src={thumbnailUrl(id)} alt="" draggable={false} decoding="async" onError={() => setBroken(true)} />;
}

interface TileProps {
  id: string;
  /** False while there is no thumbnail to ask for. */
  ready: boolean;
  width: number;
  height: number;
  name: string;
  href: string;
  ticked: boolean;
  /** True while a click ticks instead of opening. */
  picking: boolean;
  focusable: boolean;
  onTick: (id: string, range: boolean) => void;
  onFocus: (id: string) => void;
}

export function PhotoTile({
  id,
  ready,
  width,
  height,
  name,
  href,
  ticked,
  picking,
  focusable,
  onTick,
  onFocus,
}: TileProps) {
  const onLinkClick = (event: MouseEvent) => {
    if (!picking && !event.shiftKey) return;
    event.preventDefault();
    onTick(id, event.shiftKey);
  };
  return (
    <div role="gridcell" className={ticked ? 'tile ticked' : 'tile'} style={{ width, height }} aria-selected={ticked}>
      <Link
        to={href}
        preventScrollReset
        className="tile-link"
        aria-label={name}
        data-photo={id}
        tabIndex={focusable ? 0 : -1}
        onClick={onLinkClick}
        onFocus={() => onFocus(id)}
      >
        {ready ? <Thumbnail key={id} id={id} /> : <Blank />}
      </Link>
      <button
        type="button"
        role="checkbox"
        className="plain-button tile-check"
        tabIndex={-1}
        aria-checked={ticked}
        aria-label={photosTexts.select(name)}
        onClick={(event) => onTick(id, event.shiftKey)}
      >
        <CheckIcon />
      </button>
    </div>
  );
}
