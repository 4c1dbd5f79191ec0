import { expect, it } from 'vitest';
import type { Row } from '@/lib/rows';
import { moveFocus } from './move-focus';

const row = (...ids: string[]): Row => ({
  kind: 'photos',
  height: 100,
  photos: ids.map((id, index) => ({ id, index, width: 300 / ids.length })),
});

const rows: Row[] = [
  { kind: 'month', title: 'May', height: 40 },
  row('a', 'b', 'c'),
  row('d', 'e'),
  row('f', 'g', 'h'),
];
const after = (id: string, key: string) => moveFocus(rows, id, key)?.id ?? null;

it('goes from the end of a row to the start of the next, and back', () => {
  expect([after('c', 'ArrowRight'), after('d', 'ArrowLeft')]).toEqual(['d', 'c']);
});

it('goes up and down to what lies above and below', () => {
  expect([after('a', 'ArrowDown'), after('c', 'ArrowDown'), after('e', 'ArrowUp')]).toEqual(['d', 'e', 'c']);
});

it('stays where there is nothing further', () => {
  expect([after('a', 'ArrowUp'), after('a', 'ArrowLeft'), after('h', 'ArrowRight'), after('h', 'ArrowDown')]).toEqual([
    null,
    null,
    null,
    null,
  ]);
});

it('jumps to both ends', () => {
  expect([after('e', 'Home'), after('a', 'End')]).toEqual(['a', 'h']);
});

it('leaves other keys alone', () => {
  expect(after('a', 'x')).toBeNull();
});

it('names the row to scroll to, counting headings', () => {
  expect(moveFocus(rows, 'a', 'ArrowDown')).toEqual({ id: 'd', row: 2 });
});
