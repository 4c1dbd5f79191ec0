import { expect, it } from 'vitest';
import { overrides } from './theme.ts';
import { themeStylesheet } from './theme-plugin.ts';

it('names a Cloudscape property for each of our colours', () => {
  const css = themeStylesheet();
  expect(css.match(/--[a-z-]+-[a-z0-9]{6}: /g)).toHaveLength(Object.keys(overrides).length);
});
