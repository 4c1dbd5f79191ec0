import { mergeConfig } from 'vitest/config';
import vite from './vite.config.ts';

// Generous, so that a busy machine is slow and not wrong.
const patience = { testTimeout: 60_000, hookTimeout: 60_000, setupFiles: ['src/testing/setup.ts'] };

export default mergeConfig(vite, {
  test: {
    projects: [
      {
        extends: true,
        test: { ...patience, name: 'logic', include: ['{src,build}/**/*.test.ts'], environment: 'node' },
      },
      {
        extends: true,
        test: {
          ...patience,
          name: 'screens',
          include: ['src/**/*.test.tsx'],
          environment: 'jsdom',
          css: false,
          // Cloudscape imports style sheets, which Node itself can't.
          server: { deps: { inline: [/@cloudscape-design/] } },
          // Loading Cloudscape takes longer than all the tests together: once is enough.
          isolate: false,
          maxWorkers: 1,
        },
      },
    ],
  },
});
