import assert from 'node:assert/strict';
import type { TestCluster } from '../harness/start-cluster.ts';
import type { SwarmkeeperInstance } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { waitFor } from '../harness/wait-for.ts';
import { OpenClient } from './open-client.ts';

/** Shorter than any request. */
const MALFORMED = new Uint8Array(8);

/**
 * Waits until the instances have dealt with every datagram that was sent to them before, and have sent whatever they answer:
 * the thread that answers takes what has arrived on all of its sockets by turns, so that when it has counted a second
 * malformed datagram from now on, all of that is done. Works without a master too.
 */
export async function caughtUp(instances: readonly SwarmkeeperInstance[]): Promise<void> {
  await using client = await OpenClient.open();
  await Promise.all(
    instances.map(async (instance) => {
      const api = new TrackerApi(instance);
      for (let turn = 0; turn < 2; turn++) {
        const before = await api.metric('udp_malformed_total');
        await client.send({ host: '127.0.0.1', port: instance.clientPort }, MALFORMED);
        await waitFor('it to be counted', async () => (await api.metric('udp_malformed_total')) > before);
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
