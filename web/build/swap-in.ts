import { rename, rm } from 'node:fs/promises';
import type { Plugin } from 'vite';

/** Two builds that end at the same moment get into each other's way; one of them tries again. */
const ATTEMPTS = 5;

/** Puts the complete folder `from` where `to` is: who serves `to` meanwhile never finds half of it. */
export function swapIn(from: string, to: string): Plugin {
  let failed = false;
  return {
    name: 'swap-in',
    apply: 'build',
    buildEnd(error) {
      failed = error !== undefined;
    },
    closeBundle: {
      order: 'post',
      sequential: true,
      async handler() {
        if (failed) return;
        const former = `${from}.former`;
        for (let attempt = 1; ; attempt++) {
          await rename(to, former).catch(ignoreMissing);
          try {
            await rename(from, to);
            break;
          } catch (error) {
            if (attempt === ATTEMPTS) throw error;
          } finally {
            await rm(former, { recursive: true, force: true });
          }
        }
      },
    },
  };
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
