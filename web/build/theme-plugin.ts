import { createRequire } from 'node:module';
import path from 'node:path';
import type { Plugin } from 'vite';
import { overrides } from './theme.ts';

const require = createRequire(import.meta.url);

interface Preset {
  propertiesMap: Record<string, string>;
}

function readPreset(): Preset {
  // The package exports `generateThemeStylesheet` for bundlers only; the preset's CommonJS twin loads in plain Node.
  const root = path.dirname(require.resolve('@cloudscape-design/components/package.json'));
  return (require(path.join(root, 'internal/generated/theming/index.cjs')) as { preset: Preset }).preset;
}

export function themeStylesheet(): string {
  const { propertiesMap } = readPreset();
  const lines = Object.entries(overrides).map(([token, value]) => {
    const property = propertiesMap[token];
    if (property === undefined) throw new Error(`Cloudscape has no design token named ${token}`);
    return `  ${property}: ${value};`;
  });
  // Doubled to win over Cloudscape's own `:not(#\\9)` rules for both modes.
  return `body:not(#\\9):not(#\\9) {\n${lines.join('\n')}\n}\n`;
}

/** Serves our colours for Cloudscape as a linked stylesheet: its run-time theming writes a style element, which the CSP forbids. */
export function themePlugin(): Plugin {
  const name = 'virtual:theme.css';
  return {
    name: 'imgtag-theme',
    resolveId: (id) => (id === name ? `\0${name}` : null),
    load: (id) => (id === `\0${name}` ? themeStylesheet() : null),
  };
}

/** Drops the fonts that global-styles embeds as base64 (135 kB gz of blocking CSS, and a hole in `font-src`). */
export function dropEmbeddedFonts(): Plugin {
  return {
    name: 'imgtag-drop-embedded-fonts',
    enforce: 'pre',
    transform: (code, id) =>
      id.includes('@cloudscape-design/global-styles/') && id.endsWith('.css')
        ? { code: code.replace(/@font-face\s*\{[^}]*\}/g, ''), map: null }
        : null,
  };
}
