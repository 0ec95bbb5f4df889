import { rename, rm } from 'node:fs/promises';
import type { Plugin } from 'vite';

/** Two builds that end at the same moment get into each other's way; one of them tries again. */
const ATTEMPTS = 5;

/** Puts the complete folder `from` where `to` is: who serves `to` meanwhile never finds half of it. */
export function swapIn(from: string, to: string): Plugin {
  let isComplete = false;
  return {
    name: 'swap-in',
    apply: 'build',
    // Not called after an error.
    writeBundle() {
      isComplete = true;
    },
    closeBundle: {
      order: 'post',
      sequential: true,
      async handler() {
        if (isComplete) await swap(from, to);
        else await rm(from, { recursive: true, force: true });
      },
    },
  };
}

async function swap(from: string, to: string): Promise<void> {
  const former = `${from}.former`;
  for (let attempt = 1; ; attempt++) {
    await rename(to, former).catch(ignoreMissing);
    try {
      await rename(from, to);
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    } finally {
      await rm(former, { recursive: true, force: true });
    }
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
