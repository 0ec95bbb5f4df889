import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogClient } from '../log-client.ts';

/** Waits until one of the instances may answer clients. */
export async function untilAnswering(clients: readonly LogClient[]): Promise<LogClient> {
  let master: LogClient | undefined;
  await until(() => {
    master = clients.find((client) => client.mayAnswer());
    return master !== undefined;
  }, 'an instance may answer');
  return master!;
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `not in time: ${what}`);
    await sleep(POLL_MS);
  }
}

const DEADLINE_MS = 20_000;
const POLL_MS = 5;
