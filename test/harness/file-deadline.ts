import { isMainThread } from 'node:worker_threads';

// Given to the tests by --import. A test has a time limit of the runner, but a file has none: with something left open, say
// because a hook failed before another that closes it, its process would live on, and the whole run wait for it.

/** Longer than any one test may take. */
const DEADLINE_MS = 15 * 60_000;

if (isMainThread) {
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ');
    console.error(`${process.argv[1]} has not ended; still open: ${open}`);
    process.exit(1);
  }, DEADLINE_MS).unref();
}
