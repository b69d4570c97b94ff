import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { hashesInPage, integrity } from './integrity';

/** The browser's half of the encryption, which `scripts/wasm` builds. */
const module = fileURLToPath(new URL('src/e2ee/pkg/conclave_e2ee_wasm_bg.wasm', import.meta.url));

export default defineConfig({
  plugins: [svelte(), hashesInPage()],
  define: { __WASM_INTEGRITY__: JSON.stringify(integrity(module)) },
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
