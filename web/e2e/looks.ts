import { expect, type Page } from '@playwright/test';
import { AxeBuilder } from '@axe-core/playwright';

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const wide = { width: 1280, height: 800 };
const narrow = { width: 390, height: 844 };

async function findings(axe: AxeBuilder): Promise<string[]> {
  const { violations } = await axe.analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

/** True when nothing sticks out of the window to the side. */
const fits = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);

/** No finding of axe's, and nothing cut off, wide and narrow, light and dark. */
export async function expectAccessible(page: Page): Promise<void> {
  for (const viewport of [wide, narrow]) {
    await page.setViewportSize(viewport);
    // A colour half-way through a transition has a contrast that nobody sees.
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    const look = `${page.url()} at ${viewport.width} px`;
    expect(await findings(new AxeBuilder({ page }).withTags(tags)), look).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    // The dark page differs in its colours alone.
    expect(await findings(new AxeBuilder({ page }).withRules('color-contrast')), `${look}, dark`).toEqual([]);
    expect(await fits(page), `${look} fits`).toBe(true);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(wide);
}
