import { expect, it } from 'vitest';
import { headingsFor } from './headings';

const taken = (dates: string[]) =>
  dates.map((date, n) => ({ id: `p${n}`, ratio: 1, ready: true, takenAt: `${date}T12:00:00` }));
const titles = (dates: string[]) => [...new Set(taken(dates).map(headingsFor(taken(dates))))];
const times = (n: number, date: string) => Array.from({ length: n }, () => date);

it('names months where there are many photos in each', () => {
  expect(titles([...times(20, '2024-05-01'), ...times(20, '2024-06-01')])).toEqual(['May 2024', 'June 2024']);
});

it('falls back to years, and then to nothing', () => {
  const months = Array.from({ length: 12 }, (_, n) => `2024-${String(n + 1).padStart(2, '0')}-01`);
  expect(titles([...months, ...months.map((date) => date.replace('2024', '2023'))])).toEqual(['2024', '2023']);
  expect(titles(['2020-01-01', '2021-01-01', '2022-01-01'])).toEqual([null]);
});

it('leaves a single heading out', () => {
  expect(titles(times(30, '2024-05-01'))).toEqual([null]);
});
