import { useState } from 'react';
import type { ContainerRect } from 'yet-another-react-lightbox';
import { originalUrl, usePhoto } from '@/api/photos';
import type { Photo, PhotoLabel } from '@/api/types';
import { viewerTexts } from '@/texts';

interface Props {
  id: string;
  rect: ContainerRect;
  current: boolean;
  boxes: boolean;
}

function fit(photo: Photo, rect: ContainerRect): { width: number; height: number } {
  const width = photo.width ?? 3;
  const height = photo.height ?? 2;
  const scale = Math.min(rect.width / width, rect.height / height, photo.width ? 2 : Infinity);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

const percent = (share: number) => `${share * 100}%`;

function Boxes({ label }: { label: PhotoLabel }) {
  return label.boxes?.map((box, n) => (
    <div
      key={n}
      className="slide-box"
      style={{ left: percent(box.left), top: percent(box.top), width: percent(box.width), height: percent(box.height) }}
    >
      <span>{label.name}</span>
    </div>
  ));
}

/** The original over its thumbnail, so that something is there at once. HEIC stays a thumbnail where the browser can't show it. */
export function PhotoSlide({ id, rect, current, boxes }: Props) {
  const { data: photo } = usePhoto(id);
  const [broken, setBroken] = useState(false);
  if (!photo) return null;
  const size = fit(photo, rect);
  return (
    <div className="slide" style={size}>
      {photo.thumbnail_url && <img className="slide-under" src={photo.thumbnail_url} alt="" draggable={false} />}
      {current && !broken && (
        <img src={originalUrl(id)} alt={photo.file_name} draggable={false} onError={() => setBroken(true)} />
      )}
      {broken && <p className="slide-note">{viewerTexts.noPreview}</p>}
      {boxes && photo.labels.map((label) => <Boxes key={label.name} label={label} />)}
    </div>
  );
}
