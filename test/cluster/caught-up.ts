import assert from 'node:assert/strict';
import { httpGet, scrapeQuery } from '../harness/http-tracker.ts';
import { exchange } from '../harness/raw-connection.ts';
import type { TestCluster } from '../harness/start-cluster.ts';
import type { SwarmkeeperInstance } from '../harness/start-swarmkeeper.ts';
import { newInfoHash } from '../harness/udp-client.ts';

/**
 * Waits until the instances have dealt with every datagram that was sent to them before, and have sent whatever they answer:
 * the thread that answers takes what has arrived on all of its sockets by turns, so that its second reply from now on
 * leaves behind all of that. Works without a master too.
 */
export async function caughtUp(instances: readonly SwarmkeeperInstance[]): Promise<void> {
  const scrape = httpGet(`/scrape?${scrapeQuery([newInfoHash()])}`);
  await Promise.all(
    instances.map(async ({ clientPort }) => {
      for (let turn = 0; turn < 2; turn++) {
        const { status } = await exchange(clientPort, scrape);
        assert.ok(status === 200 || status === 503, `a scrape was answered with ${status}`);
      }
    }),
  );
}

/** Stops all that live, at once, and sees that each ended as it should and had no failure to tell of. */
export async function stopAll(cluster: TestCluster): Promise<void> {
  const ended = await Promise.all(cluster.living.map((instance) => instance.stop()));
  for (const { code, signal, stderr } of ended) {
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr);
    const told = stderr.split('\n').filter((line) => line !== '');
    for (const line of told) assert.ok(JSON.parse(line).level < LEVEL_ERROR, line);
  }
}

/** Of a line of the log. */
const LEVEL_ERROR = 50;
