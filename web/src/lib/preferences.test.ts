import { expect, it } from 'vitest';
import { parsePreferences } from './preferences';

it('ignores what an older or broken page left behind', () => {
  const defaults = parsePreferences(null);
  expect(parsePreferences('{')).toEqual(defaults);
  expect(parsePreferences('null')).toEqual(defaults);
  expect(parsePreferences('{"theme":"pink","sidecars":"yes"}')).toEqual(defaults);
  expect(parsePreferences('{"theme":"dark","sidecars":true}')).toMatchObject({ theme: 'dark', sidecars: true });
});
