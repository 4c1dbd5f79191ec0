import 'yet-another-react-lightbox/styles.css';
import { useEffect, useEffectEvent, useMemo, useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import Lightbox, { type Slide } from 'yet-another-react-lightbox';
import Zoom from 'yet-another-react-lightbox/plugins/zoom';
import { viewerTexts } from '@/texts';
import { usePhone } from '@/ui/use-media';
import { PhotoSlide } from './photo-slide';
import { ViewerPanel } from './viewer-panel';

declare module 'yet-another-react-lightbox' {
  interface SlideTypes {
    photo: PhotoSlideType;
  }
  interface PhotoSlideType {
    type: 'photo';
    id: string;
  }
}

interface Props {
  photoId: string;
  order: readonly string[];
  /** The page below: `/photos` or `/trash`. */
  base: string;
}

const labels = {
  Close: viewerTexts.close,
  Previous: viewerTexts.previous,
  Next: viewerTexts.next,
  Lightbox: viewerTexts.panel,
};

/** Gives the element that had the focus when the viewer opened its focus back. */
function useFocusReturn(photoId: string): void {
  const [opener] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      const tile = document.querySelector<HTMLElement>(`[data-photo="${CSS.escape(photoId)}"]`);
      (tile ?? (opener instanceof HTMLElement ? opener : null))?.focus({ preventScroll: true });
    },
    [opener, photoId],
  );
}

/**
 * Takes the page below out of reach, but not the notices: they offer the way back from an edit.
 * The lightbox would shut off all of its siblings, so it gets a place of its own.
 */
function useQuietPage(): void {
  useEffect(() => {
    const below = document.querySelectorAll('.top, #content, .dock, .skip-link');
    for (const element of below) element.toggleAttribute('inert', true);
    return () => {
      for (const element of below) element.toggleAttribute('inert', false);
    };
  }, []);
}

/** The lightbox hears keys while the focus is inside; after a notice was used, it is not. */
function useEscape(close: () => void): void {
  const onEscape = useEffectEvent((event: KeyboardEvent) => {
    const inside = document.getElementById('viewer')?.contains(document.activeElement);
    if (event.key === 'Escape' && !inside) close();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onEscape(event);
    window.addEventListener('keydown', listener);
    return () => window.removeEventListener('keydown', listener);
  }, []);
}

/** One photo, large, over the page it was opened from. Its address can be shared and reloaded. */
export function Viewer({ photoId, order, base }: Props) {
  const navigate = useNavigate();
  const { search } = useLocation();
  const phone = usePhone();
  const [boxes, setBoxes] = useState(false);
  const known = order.includes(photoId);
  const slides = useMemo(
    () => (known ? order : [photoId]).map((id): Slide => ({ type: 'photo', id })),
    [known, order, photoId],
  );
  // In this order: nothing on the page below can take the focus while it is out of reach.
  useQuietPage();
  useFocusReturn(photoId);
  const close = () => void navigate(`${base}${search}`, { preventScrollReset: true });
  useEscape(close);
  const show = (index: number) => {
    const slide = slides[index];
    if (slide?.type !== 'photo' || slide.id === photoId) return;
    void navigate(`${base}/${encodeURIComponent(slide.id)}${search}`, { replace: true, preventScrollReset: true });
  };
  const afterRemoval = () => {
    const at = order.indexOf(photoId);
    const next = order[at + 1] ?? order[at - 1];
    if (next === undefined) close();
    else void navigate(`${base}/${encodeURIComponent(next)}${search}`, { replace: true, preventScrollReset: true });
  };
  return (
    <Lightbox
      open
      className="viewer"
      slides={slides}
      index={known ? order.indexOf(photoId) : 0}
      close={close}
      on={{ view: ({ index }) => show(index) }}
      portal={{ root: () => document.getElementById('viewer') }}
      plugins={[Zoom]}
      zoom={{ supports: ['photo'], maxZoom: 6, scrollToZoom: true }}
      carousel={{ finite: true, preload: 1, padding: 0, imageFit: 'contain' }}
      animation={{ fade: 150, swipe: 220 }}
      controller={{ closeOnPullDown: true, aria: true }}
      labels={labels}
      render={{
        slide: ({ slide, rect, offset }) =>
          slide.type === 'photo' ? <PhotoSlide id={slide.id} rect={rect} current={offset === 0} boxes={boxes} /> : null,
        buttonPrev: phone || !known ? () => null : undefined,
        buttonNext: phone || !known ? () => null : undefined,
        controls: () => (
          <ViewerPanel key={photoId} photoId={photoId} boxes={boxes} onBoxes={setBoxes} onRemoved={afterRemoval} />
        ),
      }}
    />
  );
}
