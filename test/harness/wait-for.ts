import { setTimeout as sleep } from 'node:timers/promises';

/** Generous on purpose: a test that meets its condition never waits this long, and one that does is wrong. */
export const DEADLINE_MS = 30_000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;
/** What one turn counts for at most: when the whole machine stood still, nobody was late. */
const LONGEST_TURN_MS = 1_000;

/**
 * Asks again and again until the condition yields something truthy, and returns that.
 * @param what completes "gave up waiting for ..."
 * @throws after the deadline, with what the condition threw or yielded last
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<NonNullable<T>> {
  let waitedMs = 0;
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    const turnBegan = performance.now();
    let last: { value?: unknown; error?: unknown };
    try {
      const value = await condition();
      if (value) return value;
      last = { value };
    } catch (error) {
      last = { error };
    }
    if (waitedMs > deadlineMs) {
      const found = 'error' in last ? `it failed with ${last.error}` : `it was ${JSON.stringify(last.value)}`;
      throw new Error(`gave up waiting for ${what} after ${deadlineMs} ms: at last ${found}`, { cause: last.error });
    }
    await sleep(pauseMs);
    waitedMs += Math.min(performance.now() - turnBegan, LONGEST_TURN_MS);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
