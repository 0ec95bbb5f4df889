import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeConnectRequest } from '../../src/bittorrent/bep15.ts';
import { ClientSocket } from '../faults/client-socket.ts';
import type { Stage } from '../faults/stage.ts';
import { newTransactionId } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';
import { CLIENT, type Lan, missingForLan } from './lan.ts';
import { underLoadOnLan } from './lan-place.ts';

const FAULT_MS = 2_000;
const BAD_PATH = { loss: 0.1, duplicates: 0.1, delayMs: 0.2, jitterMs: 5 };
const PAUSE_MS = 20;

describe('three members on a bad network', { skip: missingForLan() }, () => {
  test('frames among them are lost, come twice and overtake each other: they go on, also when the master is killed', (t) =>
    underLoadOnLan(t, 3, async (stage, lan) => {
      await lan.among(lan.names, BAD_PATH);
      const fault = sleep(FAULT_MS);
      await stage.serves();
      await fault;
      await stage.serves();
      const killed = await stage.master();
      await killed.kill();
      await stage.serves();
      await killed.start();
      await stage.serves();
      for (const { from, to, lost, duplicated, overtaken } of await lan.counts()) {
        if (from === CLIENT || to === CLIENT) continue;
        assert.ok(lost > 0 && duplicated > 0 && overtaken > 0, `${from} to ${to} was a good path`);
      }
      await lan.heal();
      await stage.voters(3);
    }));

  test('each is alone: nobody answers anything, and they go on when they are together again', (t) =>
    underLoadOnLan(t, 3, async (stage, lan) => {
      await lan.among(lan.names, { block: 'everything' });
      // Until its lease is over the master answers.
      await waitFor('all to refuse', async () => (await refusing(stage)) === lan.names.length);
      assert.deepEqual(await answersWithin(FAULT_MS, stage, lan), []);
      await lan.heal();
      await stage.voters(3);
    }));

  test('multicast among them does not pass: their connections carry them over the death of the master, who is found again later', (t) =>
    underLoadOnLan(t, 3, async (stage, lan) => {
      const master = await stage.master();
      const { term } = await master.api.cluster();
      await lan.among(lan.names, { block: 'groups' });
      const fault = sleep(FAULT_MS);
      await stage.serves();
      await fault;
      const { master: id, self, term: now, members } = await master.api.cluster();
      assert.deepEqual([id, now], [self, term]);
      assert.deepEqual(
        members.map(({ alive }) => alive),
        [true, true, true],
      );
      await master.kill();
      await stage.serves();
      // Others know where it was, not who it is now: until it can say so by multicast it is on its own.
      await master.start();
      await stage.serves();
      await lan.heal();
      await stage.voters(3);
    }));
});

/** How many instances say by HTTP that they cannot answer. */
async function refusing(stage: Stage): Promise<number> {
  const statuses = await Promise.all(stage.alive.map(async ({ api }) => (await api.request('GET', '/scrape')).status));
  return statuses.filter((status) => status === 503).length;
}

/** Asks the group and every instance for some time, and tells who answered. */
async function answersWithin(ms: number, stage: Stage, lan: Lan): Promise<number[]> {
  await using socket = await ClientSocket.open(lan.host(CLIENT).address);
  const answers: number[] = [];
  socket.onReply((_, source) => answers.push(source));
  for (const end = performance.now() + ms; performance.now() < end; ) {
    socket.send(encodeConnectRequest(newTransactionId()), stage.network.group);
    for (const { host, clientPort: port } of stage.alive) {
      socket.send(encodeConnectRequest(newTransactionId()), { host, port });
    }
    await sleep(PAUSE_MS);
  }
  return answers;
}
