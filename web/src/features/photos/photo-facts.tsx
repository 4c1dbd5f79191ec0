import type { Photo } from '@/api/types';
import { formatBytes, formatDateTime, formatNumber } from '@/lib/format';
import { viewerTexts } from '@/texts';

function facts(photo: Photo): [string, string][] {
  const { width, height } = photo;
  const known: [string, string | null][] = [
    [viewerTexts.taken, photo.taken_at && formatDateTime(photo.taken_at)],
    [viewerTexts.added_at, formatDateTime(photo.created_at)],
    [viewerTexts.pixels, width && height ? `${formatNumber(width)} × ${formatNumber(height)}` : null],
    [viewerTexts.size, photo.size === null ? null : formatBytes(photo.size)],
    [viewerTexts.format, photo.content_type],
    [viewerTexts.sha, photo.sha256],
  ];
  return known.filter((fact): fact is [string, string] => fact[1] !== null);
}

export function PhotoFacts({ photo }: { photo: Photo }) {
  return (
    <section className="stack">
      <h3>{viewerTexts.facts}</h3>
      <dl className="facts">
        {facts(photo).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
