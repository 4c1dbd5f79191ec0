import { formatMonth } from './format';
import type { Sized } from './rows';

type Heading = (photo: Sized) => string | null;

const months = new Map<number, string>();

// To word a month takes longer than all else about a photo, and ten thousand photos have few months.
const byMonth: Heading = ({ takenAt }) => {
  if (takenAt === null) return null;
  const date = new Date(takenAt);
  const key = 12 * date.getFullYear() + date.getMonth();
  const title = months.get(key) ?? formatMonth(date);
  months.set(key, title);
  return title;
};

const byYear: Heading = ({ takenAt }) => (takenAt === null ? null : String(new Date(takenAt).getFullYear()));

/** Fewer photos than this under a heading, and the page is more headings than photos. */
const worthwhile = 8;

/** Months, years or nothing: whichever is the finest that has enough photos under each heading. */
export function headingsFor(photos: readonly Sized[]): Heading {
  for (const heading of [byMonth, byYear]) {
    const titles = new Set(photos.map(heading));
    if (photos.length / titles.size >= worthwhile) return titles.size > 1 ? heading : () => null;
  }
  return () => null;
}
