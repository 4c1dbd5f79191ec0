import { formatMonth } from './format';
import type { Sized } from './rows';

type Heading = (photo: Sized) => string | null;

const byMonth: Heading = ({ takenAt }) => (takenAt === null ? null : formatMonth(takenAt));
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
