import { setTimeout as sleep } from 'node:timers/promises';

/** Generous on purpose: a test that meets its condition never waits this long, and one that does is wrong. */
export const DEADLINE_MS = 30_000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 100;

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
  const deadline = performance.now() + deadlineMs;
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    let last: { value?: unknown; error?: unknown };
    try {
      const value = await condition();
      if (value) return value;
      last = { value };
    } catch (error) {
      last = { error };
    }
    if (performance.now() > deadline) {
      const found = 'error' in last ? `it failed with ${last.error}` : `it was ${JSON.stringify(last.value)}`;
      throw new Error(`gave up waiting for ${what} after ${deadlineMs} ms: at last ${found}`, { cause: last.error });
    }
    await sleep(pauseMs);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}
