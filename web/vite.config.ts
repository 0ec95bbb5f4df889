// npm run build:web: the cluster pages (index.html) and the peer pages (peer.html) into dist/web.

import { join } from 'node:path';
import { defineConfig } from 'vite';
import { firstLoadBudget } from './build/first-load-budget.ts';
import { precompressed } from './build/precompressed.ts';
import { swapIn } from './build/swap-in.ts';

/** Compressed bytes of everything that a page needs before it shows something. */
const FIRST_LOAD_BYTES = 150_000;
const OUT = join(import.meta.dirname, '../dist/web');
/** Instances that run serve OUT meanwhile: it is replaced in one step when the new one is complete. */
const UNDER_WAY = `${OUT}.${process.pid}`;

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [firstLoadBudget(FIRST_LOAD_BYTES), precompressed(), swapIn(UNDER_WAY, OUT)],
  build: {
    outDir: UNDER_WAY,
    emptyOutDir: true,
    // light-dark() and nesting are used as they are.
    target: ['chrome123', 'edge123', 'firefox121', 'safari17.5'],
    modulePreload: { polyfill: false },
    // Nothing inline: the content security policy allows none of it.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: [join(import.meta.dirname, 'index.html'), join(import.meta.dirname, 'peer.html')],
    },
  },
  server: {
    // Only the API comes from the instance (or the peer daemon) that is worked with.
    proxy: { '/api': process.env.SWARMKEEPER_URL ?? 'http://127.0.0.1:6969' },
  },
});
