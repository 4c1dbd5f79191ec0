import { type MouseEvent, useEffect, useState } from 'react';
import { Link } from 'react-router';
import { thumbnailUrl } from '@/api/photos';
import { photosTexts } from '@/texts';
import { BrokenIcon, CheckIcon } from '@/ui/icons';

/** A photo that has just arrived has no thumbnail for a moment, so the tile asks again, less and less often. */
function Thumbnail({ id }: { id: string }) {
  const [attempt, setAttempt] = useState(0);
  const [state, setState] = useState<'loading' | 'shown' | 'broken'>('loading');
  useEffect(() => {
    if (state !== 'broken' || attempt >= 6) return;
    const timer = window.setTimeout(
      () => {
        setAttempt(attempt + 1);
        setState('loading');
      },
      1000 * 2 ** attempt,
    );
    return () => window.clearTimeout(timer);
  }, [state, attempt]);
  if (state === 'broken') return <BrokenIcon />;
  const url = thumbnailUrl(id);
  return (
    <img
      src={attempt === 0 ? url : `${url}?again=${attempt}`}
      alt=""
      draggable={false}
      decoding="async"
      className={state}
      onLoad={() => setState('shown')}
      onError={() => setState('broken')}
    />
  );
}

interface TileProps {
  id: string;
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

export function PhotoTile({ id, width, height, name, href, ticked, picking, focusable, onTick, onFocus }: TileProps) {
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
        <Thumbnail key={id} id={id} />
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
