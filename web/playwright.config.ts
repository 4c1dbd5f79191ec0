import { defineConfig } from '@playwright/test';

const arguments_ = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
// Chromium refuses its sandbox to root, which is what containers run as.
const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  // Generous, so that a busy machine is slow and not wrong.
  timeout: 180_000,
  expect: { timeout: 30_000 },
  // A browser and a server keep two cores busy; one of each, since starting them is most of the work.
  workers: 1,
  forbidOnly: true,
  retries: 0,
  reporter: [['list']],
  use: {
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...arguments_, ...sandbox] },
    viewport: { width: 1280, height: 800 },
    acceptDownloads: true,
    actionTimeout: 60_000,
    // Tracing two thousand uploads takes longer than the uploads.
    trace: process.env.TRACE ? 'retain-on-failure' : 'off',
  },
});
