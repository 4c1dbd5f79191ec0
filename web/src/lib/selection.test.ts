import { describe, expect, it } from 'vitest';
import { extend, keepOnly, noSelection, selectAll, toggle } from './selection';

const order = ['a', 'b', 'c', 'd', 'e'];
const ids = (selection: { ids: ReadonlySet<string> }) => [...selection.ids].sort().join('');

describe('selection', () => {
  it('ticks and unticks', () => {
    expect(ids(toggle(noSelection, 'b'))).toBe('b');
    expect(ids(toggle(toggle(noSelection, 'b'), 'b'))).toBe('');
  });

  it('extends from the anchor in either direction, keeping what was ticked', () => {
    expect(ids(extend(toggle(noSelection, 'b'), 'd', order))).toBe('bcd');
    expect(ids(extend(toggle(toggle(noSelection, 'e'), 'c'), 'a', order))).toBe('abce');
  });

  it('only ticks the photo itself where there is no anchor', () => {
    expect(ids(extend(noSelection, 'd', order))).toBe('d');
  });

  it('takes everything', () => {
    expect(ids(selectAll(order))).toBe('abcde');
  });

  it('forgets photos that left the list', () => {
    expect(ids(keepOnly(selectAll(order), ['b', 'e', 'z']))).toBe('be');
  });
});
