import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EVENT_NONE, EVENT_STARTED, encodeConnectRequest } from '../../src/bittorrent/bep15.ts';
import { startCluster, type TestCluster } from '../harness/start-cluster.ts';
import type { SwarmkeeperInstance } from '../harness/start-swarmkeeper.ts';
import { formatGroup, type TestGroup, testNetwork } from '../harness/test-network.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, newTransactionId } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';
import { caughtUp, stopAll } from './caught-up.ts';
import { type Answer, OpenClient } from './open-client.ts';

const HOST = '127.0.0.1';
/** Requests that nobody may answer, or just one instance. */
const REQUESTS = 20;

for (const instances of [1, 3, 5]) {
  describe(`a multicast group with ${instances === 1 ? 'one instance' : `${instances} instances`}`, {
    concurrency: 1,
  }, () => {
    let started: TestCluster | undefined;
    const cluster = () => started!;
    before(async () => {
      started = await startCluster({ instances });
    });
    after(async () => {
      await using ending = started;
      if (ending) await stopAll(ending);
    });

    test('a connect, an announce and a scrape are answered once each, by the master from its own socket', async () => {
      await using client = await OpenClient.open();
      const infoHash = newInfoHash();
      const { group } = cluster();
      const connected = await client.connect(group);
      const { connectionId } = connected.reply;
      const announced = await client.announce(group, { connectionId, infoHash, event: EVENT_STARTED, left: 0n });
      const scraped = await client.scrape(group, connectionId, [infoHash]);
      assert.deepEqual([announced.reply.seeders, announced.reply.leechers], [1, 0]);
      assert.deepEqual(scraped.reply.entries, [{ seeders: 1, completed: 0, leechers: 0 }]);

      await caughtUp(cluster().living);
      assert.deepEqual(client.repeated, []);
      const { clientPort } = await cluster().master();
      for (const { host, port } of client.heard) assert.deepEqual({ host, port }, { host: HOST, port: clientPort });
    });

    test('many requests sent at once are answered once each', async () => {
      await using client = await OpenClient.open();
      const { clientPort } = await cluster().master();
      await askOften(client, cluster().group);
      await waitFor('every answer', () => client.heard.length >= REQUESTS);
      await caughtUp(cluster().living);
      assert.deepEqual(
        client.heard.map(({ port }) => port),
        new Array(REQUESTS).fill(clientPort),
      );
      assert.deepEqual(client.repeated, []);
    });

    test('who starts with nothing left is given seeders where there is no leecher', async () => {
      await using client = await OpenClient.open();
      const infoHash = newInfoHash();
      const { group } = cluster();
      const { connectionId } = (await client.connect(group)).reply;
      const given = async (port: number, event: number) =>
        (await client.announce(group, { connectionId, infoHash, port, left: 0n, event })).reply.peers;
      assert.deepEqual(await given(1, EVENT_STARTED), []);
      assert.deepEqual(await given(2, EVENT_STARTED), [{ host: HOST, port: 1 }]);
      assert.deepEqual(await given(2, EVENT_NONE), []);
    });

    test('a peer that announces to the group is shown by every instance, with the address that it sent from', async () => {
      const infoHash = newInfoHash();
      await using client = await OpenClient.open('127.0.0.5');
      const { connectionId } = (await client.connect(cluster().group)).reply;
      await client.announce(cluster().group, { connectionId, infoHash, left: 7n, port: 51_413 });
      for (const instance of cluster().instances) {
        const content = await waitFor('the content', () => new TrackerApi(instance).content(infoHash));
        const peers = content.peers.map(({ host, port, left }) => ({ host, port, left }));
        assert.deepEqual(peers, [{ host: '127.0.0.5', port: 51_413, left: 7 }]);
      }
    });
  });
}

describe('the multicast group of a cluster that loses its master', () => {
  test('nobody answers during the election, then the new master does, and takes the connection ID of the old one', async () => {
    await using cluster = await startCluster();
    await using client = await OpenClient.open();
    const { group } = cluster;
    const infoHash = newInfoHash();
    const { connectionId } = (await client.connect(group)).reply;
    const old = await cluster.master();
    await client.announce(group, { connectionId, infoHash, left: 0n });
    await old.stop('SIGKILL');
    client.heard.length = 0;

    const first = await client.press(group, { connectionId, infoHash, left: 1n, port: 2 });
    const master = await cluster.master();
    assert.notEqual(master, old);
    assert.equal(first.port, master.clientPort);
    const { reply } = await client.announce(group, { connectionId, infoHash, left: 1n, port: 2 });
    assert.deepEqual([reply.seeders, reply.leechers], [1, 1]);
    assert.deepEqual(reply.peers, [{ host: HOST, port: client.localPort }]);

    await caughtUp(cluster.living);
    assert.deepEqual(client.repeated, []);
    assert.deepEqual(new Set(client.heard.map(({ port }) => port)), new Set([master.clientPort]));
    await stopAll(cluster);
  });

  test('a master that stood still does not answer when it goes on, for there is another one', async () => {
    await using cluster = await startCluster();
    await using client = await OpenClient.open();
    const { group } = cluster;
    const { connectionId } = (await client.connect(group)).reply;
    const old = await cluster.master();
    client.heard.length = 0;
    old.process.kill('SIGSTOP');
    await client.press(group, { connectionId, infoHash: newInfoHash() });
    await askOften(client, group);
    old.process.kill('SIGCONT');
    await caughtUp(cluster.living);
    assert.deepEqual(client.repeated, []);
    assert.ok(client.heard.length > 0);
    for (const { port } of client.heard) assert.notEqual(port, old.clientPort);
    await stopAll(cluster);
  });

  test('without a quorum nobody answers, whether the master is gone or its slaves, and afterwards one does', async () => {
    await using cluster = await startCluster();
    const { group } = cluster;
    await using client = await OpenClient.open();
    for (const lost of ['the slaves', 'the master and a slave']) {
      const master = await cluster.master();
      const slaves = await cluster.slaves();
      const gone = lost === 'the slaves' ? slaves : [master, slaves[0]];
      const left = cluster.living.filter((instance) => !gone.includes(instance));
      await Promise.all(gone.map((instance) => instance.stop('SIGKILL')));
      // A master answers as long as its lease holds.
      await waitFor('the lease to end', () => refuses(left[0]));
      client.heard.length = 0;
      await askOften(client, group);
      await caughtUp(left);
      assert.deepEqual(client.heard, [], `without ${lost}`);

      for (const instance of gone) await cluster.restart(cluster.instances.indexOf(instance));
      const answer = await client.connect(group);
      await caughtUp(cluster.living);
      assert.deepEqual(client.repeated, []);
      assert.equal(answer.port, (await cluster.master()).clientPort);
    }
    await stopAll(cluster);
  });
});

describe('multicast groups on one machine', () => {
  test('clusters in groups that differ in address or port alone do not hear each other', async () => {
    const network = testNetwork();
    const { host, port } = network.group;
    const groups: TestGroup[] = [network.group, { host, port: port + 1 }, { host: nextAddress(host), port }];
    const starting = groups.map((group) => startCluster({ instances: 1, args: ['--group', formatGroup(group)] }));
    const clusters = await Promise.all(starting);
    await using _ = { [Symbol.asyncDispose]: () => disposeAll(clusters) };
    const instances = clusters.map(({ instances: [instance] }) => instance);
    for (const [at, group] of groups.entries()) {
      await using client = await OpenClient.open();
      await askOften(client, group);
      await waitFor('every answer', () => client.heard.length >= REQUESTS);
      await caughtUp(instances);
      assert.deepEqual(
        client.heard.map((heard) => heard.port),
        new Array(REQUESTS).fill(instances[at].clientPort),
      );
    }
    for (const cluster of clusters) await stopAll(cluster);
  });

  test('an instance with several addresses of one interface answers the group once, from one of them', async () => {
    const hosts = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '::1'];
    await using cluster = await startCluster({ instances: 1, args: hosts.flatMap((host) => ['--host', host]) });
    await using client = await OpenClient.open();
    const answers: Answer<'announce'>[] = [];
    const { connectionId } = (await client.connect(cluster.group)).reply;
    for (let port = 1; port <= REQUESTS; port++) {
      answers.push(await client.announce(cluster.group, { connectionId, infoHash: newInfoHash(), port }));
    }
    await caughtUp(cluster.living);
    assert.deepEqual(client.repeated, []);
    assert.deepEqual(new Set(answers.map(({ host }) => host)), new Set([answers[0].host]));
    assert.ok(hosts.includes(answers[0].host));
    await stopAll(cluster);
  });
});

async function askOften(client: OpenClient, group: TestGroup): Promise<void> {
  for (let i = 0; i < REQUESTS; i++) await client.send(group, encodeConnectRequest(newTransactionId()));
}

/** Whether it says that there is no master. */
async function refuses(instance: SwarmkeeperInstance): Promise<boolean> {
  const { status } = await fetch(`${instance.url}/scrape`, { headers: { Connection: 'close' } });
  return status === 503;
}

function nextAddress(group: string): string {
  const [a, b, c, d] = group.split('.').map(Number);
  return [a, b, c, (d % 254) + 1].join('.');
}

async function disposeAll(clusters: readonly TestCluster[]): Promise<void> {
  await Promise.all(clusters.map((cluster) => cluster[Symbol.asyncDispose]()));
}
