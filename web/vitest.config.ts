import { mergeConfig } from 'vitest/config';
import vite from './vite.config.ts';

export default mergeConfig(vite, {
  test: {
    include: ['src/**/*.test.{ts,tsx}', 'build/**/*.test.ts'],
    environment: 'node',
    setupFiles: ['src/testing/setup.ts'],
    css: false,
    restoreMocks: true,
    server: { deps: { inline: [/@cloudscape-design/] } },
  },
});
