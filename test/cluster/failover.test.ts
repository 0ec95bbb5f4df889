import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClusterSchema } from '../../src/api/schemas.ts';
import { encodeConnectRequest } from '../../src/bittorrent/bep15.ts';
import {
  announceQuery,
  bencodedBody,
  failureReason,
  httpAnnounce,
  httpGet,
  scrapeQuery,
} from '../harness/http-tracker.ts';
import { exchange, RawConnection } from '../harness/raw-connection.ts';
import { startCluster } from '../harness/start-cluster.ts';
import type { SwarmkeeperInstance } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, newTransactionId, UdpClient } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';
import { caughtUp, stopAll } from './caught-up.ts';
import { OpenClient } from './open-client.ts';

const HOST = '127.0.0.1';
/** Handovers one after the other. */
const HANDOVERS = 6;

describe('clients of a slave whose master changes', () => {
  test('are answered by the new master through the same slave, with the connection ID that they have', async () => {
    await using cluster = await startCluster();
    const old = await cluster.master();
    const infoHash = newInfoHash();
    const clients = new Map<SwarmkeeperInstance, UdpClient>();
    await using stack = new AsyncDisposableStack();
    const slaves = await cluster.slaves();
    for (const slave of slaves) {
      const client = stack.use(await UdpClient.open(HOST, slave.clientPort));
      await client.announce({ infoHash, left: 0n });
      clients.set(slave, client);
    }
    const connectionId = await clients.get(slaves[0])!.connect();
    await old.stop('SIGKILL');

    const answers = await Promise.all(
      slaves.flatMap((slave, at) => [
        clients.get(slave)!.announce({ infoHash, connectionId }),
        // One that is asked during an election of a second or more says that there is no master.
        waitFor('an answer by HTTP', () => httpAnnounce(slave.clientPort, announceQuery(infoHash, at + 1))),
      ]),
    );
    assert.equal(Math.max(...answers.map(({ seeders, leechers }) => seeders + leechers)), 2 * slaves.length);
    assert.notEqual(await cluster.master(), old);
    await cluster.restart(cluster.instances.indexOf(old));
    await cluster.agree();
    for (const instance of cluster.living) {
      const content = await new TrackerApi(instance).content(infoHash);
      assert.deepEqual([content?.seeders, content?.leechers], [0, 2 * slaves.length]);
    }
    await stopAll(cluster);
  });

  test('without a master are told by HTTP to try again, and nothing by UDP, until there is one', async () => {
    await using cluster = await startCluster();
    const infoHash = newInfoHash();
    const master = await cluster.master();
    const [gone, left] = await cluster.slaves();
    await using client = await OpenClient.open();
    const to = { host: HOST, port: left.clientPort };
    const { connectionId } = (await client.connect(to)).reply;
    await client.announce(to, { connectionId, infoHash });
    await waitFor('it to have the peer', () => new TrackerApi(left).content(infoHash));
    await Promise.all([master.stop('SIGKILL'), gone.stop('SIGKILL')]);

    const targets = [`/announce?${announceQuery(infoHash, 1)}`, `/scrape?${scrapeQuery([infoHash])}`];
    const questions = [HOST, '::1'].flatMap((host) => targets.map((target) => ({ host, target })));
    await Promise.all(
      questions.map(async ({ host, target }) => {
        const reply = await exchange(left.clientPort, httpGet(target), { host });
        assert.equal(reply.status, 503);
        assert.match(failureReason(reply) ?? '', /no master/);
        assert.ok(Number(bencodedBody(reply).get('retry in')) > 0);
        await using connection = await RawConnection.open(left.clientPort, { host });
        // Two in one packet are for the general server.
        connection.send(`GET ${target} HTTP/1.1\r\nHost: tracker\r\n\r\n`.repeat(2));
        for (const again of await connection.replies(2))
          assert.deepEqual([again.status, again.body], [503, reply.body]);
      }),
    );
    client.heard.length = 0;
    await client.send(to, encodeConnectRequest(newTransactionId()));
    await client.send(to, client.encodeAnnounce({ connectionId, infoHash }, newTransactionId()));
    await caughtUp([left]);
    assert.deepEqual(client.heard, []);
    const change = await new TrackerApi(left).request('PUT', '/api/v1/admission/mode', { mode: 'deny' });
    assert.equal(change.status, 503, change.body.toString());
    const stepDown = await new TrackerApi(left).request('POST', '/api/v1/cluster/step-down');
    assert.equal(stepDown.status, 503, stepDown.body.toString());
    // What it has, it goes on showing.
    assert.equal((await new TrackerApi(left).content(infoHash))?.leechers, 1);

    await cluster.restart(cluster.instances.indexOf(gone));
    const { reply } = await client.announce(to, { connectionId, infoHash });
    assert.equal(reply.leechers, 1);
    const { leechers } = await waitFor('an answer by HTTP', () =>
      httpAnnounce(left.clientPort, announceQuery(infoHash, 1)),
    );
    assert.equal(leechers, 2);
    await stopAll(cluster);
  });

  test('are answered after each of many handovers that slaves were asked for', async () => {
    await using cluster = await startCluster();
    const infoHash = newInfoHash();
    await using client = await OpenClient.open();
    const { connectionId } = (await client.connect(cluster.group)).reply;
    for (let turn = 1; turn <= HANDOVERS; turn++) {
      const old = await cluster.master();
      const [asked] = await cluster.slaves();
      const reply = await new TrackerApi(asked).request('POST', '/api/v1/cluster/step-down');
      assert.equal(reply.status, 200, reply.body.toString());
      ClusterSchema.parse(JSON.parse(reply.body.toString()));
      const master = await cluster.master();
      assert.notEqual(master, old);
      for (const { clientPort: port } of cluster.living) {
        const { reply } = await client.announce({ host: HOST, port }, { connectionId, infoHash, port: turn });
        assert.equal(reply.leechers, turn);
      }
    }
    await cluster.agree();
    await stopAll(cluster);
  });
});
