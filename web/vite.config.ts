import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { earlyPlugin } from './build/early-plugin.ts';
import { precompress } from './build/precompress.ts';
import { dropEmbeddedFonts, themePlugin } from './build/theme-plugin.ts';

const server = process.env.IMGTAG_SERVER ?? 'http://127.0.0.1:8080';

// What all first visits load is one file: on a slow line, twenty small ones take longer to ask for than to send.
// Entries stay out of it, and so do their styles: the two pages start from the same ones, in orders of their own.
const isShared = (id: string) => !/\/src\/([a-z-]+\.tsx?|styles\/.*)$/.test(id) && !id.endsWith('.html');

export default defineConfig({
  plugins: [earlyPlugin(), dropEmbeddedFonts(), themePlugin(), react(), precompress()],
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname } },
  build: {
    outDir: process.env.IMGTAG_WEB_OUT ?? '../imgtag/_web',
    emptyOutDir: true,
    target: 'es2022',
    // A data: URL would need a wider CSP for fonts and workers.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: 'page', tags: ['$initial'], test: isShared }] } },
      input: { index: 'index.html', 'api-docs': 'api-docs.html', early: 'src/early.ts' },
    },
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': server, '/b': server } },
});
