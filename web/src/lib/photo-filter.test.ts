import { describe, expect, it } from 'vitest';
import {
  emptyFilter,
  flipLabel,
  formatFilter,
  isFiltering,
  isWithinDates,
  matchMode,
  parseFilter,
  withLabel,
  withoutLabel,
} from './photo-filter';

const parse = (text: string) => parseFilter(new URLSearchParams(text));

describe('a filter in the address', () => {
  it('comes back as it was written, whatever the labels contain', () => {
    const filter = {
      ...emptyFilter,
      all: ['Lake, frozen', 'A&B'],
      none: ['Ærø'],
      name: 'x y',
      from: '2024-02-29',
      sort: 'taken_at' as const,
    };
    expect(parse(formatFilter(filter).toString())).toEqual(filter);
  });

  it('is empty when nothing is filtered', () => {
    expect(formatFilter(emptyFilter).toString()).toBe('');
    expect(isFiltering(parse(''))).toBe(false);
  });

  it('leaves out what makes no sense', () => {
    expect(parse('state=weird&sort=size&from=yesterday&to=2024-13-45&all=&all=A&all=A')).toEqual({
      ...emptyFilter,
      all: ['A'],
    });
  });
});

describe('labels in a filter', () => {
  it('join the side that is in use', () => {
    expect(withLabel(parse('all=A'), 'B').all).toEqual(['A', 'B']);
    expect(withLabel(parse('any=A&any=C'), 'B').any).toEqual(['A', 'C', 'B']);
  });

  it('are there once only', () => {
    expect(withLabel(parse('none=A'), 'A')).toEqual(parse('none=A'));
  });

  it('turn into their opposite and back', () => {
    const flipped = flipLabel(parse('all=A&all=B'), 'A');
    expect([flipped.all, flipped.none]).toEqual([['B'], ['A']]);
    expect(new Set(flipLabel(flipped, 'A').all)).toEqual(new Set(['A', 'B']));
  });

  it('move together between all and any', () => {
    expect(matchMode(parse('all=A&any=B'), 'any')).toMatchObject({ all: [], any: ['A', 'B'] });
    expect(matchMode(parse('any=A&any=B'), 'all')).toMatchObject({ all: ['A', 'B'], any: [] });
  });

  it('leave from wherever they are', () => {
    expect(withoutLabel(parse('all=A&any=A&none=A'), 'A')).toEqual(emptyFilter);
  });
});

describe('dates', () => {
  it('include both days to their ends', () => {
    const filter = { from: '2024-05-01', to: '2024-05-02' };
    expect(isWithinDates(filter, new Date('2024-05-01T00:00:00').toISOString())).toBe(true);
    expect(isWithinDates(filter, new Date('2024-05-02T23:59:59').toISOString())).toBe(true);
    expect(isWithinDates(filter, new Date('2024-05-03T00:00:00').toISOString())).toBe(false);
  });

  it('leave out photos whose date is unknown', () => {
    expect(isWithinDates({ from: '2024-05-01', to: '' }, null)).toBe(false);
    expect(isWithinDates({ from: '', to: '' }, null)).toBe(true);
  });
});
