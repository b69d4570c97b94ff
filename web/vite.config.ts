import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  build: {
    // The floors: Chromium 141, Firefox 117.
    target: ['chrome141', 'firefox117'],
    // Everything is fetched from our own origin under a strict policy; data: URLs for scripts,
    // workers or wasm would be refused by it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es' },
  server: {
    // `npm run dev` beside a running `conclave serve`.
    proxy: { '/api': { target: 'https://localhost:8443', secure: false, ws: true, changeOrigin: true } },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
