import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { precompress } from './build/precompress.ts';
import { dropEmbeddedFonts, themePlugin } from './build/theme-plugin.ts';

const server = process.env.IMGTAG_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [dropEmbeddedFonts(), themePlugin(), react(), precompress()],
  resolve: { alias: { '@': new URL('./src', import.meta.url).pathname } },
  build: {
    outDir: process.env.IMGTAG_WEB_OUT ?? '../imgtag/_web',
    emptyOutDir: true,
    target: 'es2022',
    // A data: URL would need a wider CSP for fonts and workers.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: { input: { index: 'index.html', 'api-docs': 'api-docs.html' } },
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': server, '/b': server } },
});
