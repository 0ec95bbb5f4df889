import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { EVENT_COMPLETED, EVENT_STARTED, EVENT_STOPPED } from '../../src/bittorrent/bep15.ts';
import { formatInfoHash } from '../../src/bittorrent/info-hash.ts';
import { WAYS } from '../harness/both-ways.ts';
import { announceQuery, httpAnnounce, httpGet, readAnnounceReply, scrapeQuery } from '../harness/http-tracker.ts';
import { exchange, RawConnection } from '../harness/raw-connection.ts';
import { startCluster, type TestCluster } from '../harness/start-cluster.ts';
import type { SwarmkeeperInstance } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, UdpClient } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';
import { stopAll } from './caught-up.ts';
import { OpenClient } from './open-client.ts';

const LOOPBACK = ['127.0.0.1', '::1'] as const;
const CLIENTS = 100;

for (const { name, env } of WAYS) {
  // One test after the other: some look at what the instances count meanwhile.
  describe(`a slave, ${name}`, { concurrency: 1 }, () => {
    let started: TestCluster | undefined;
    let master: SwarmkeeperInstance;
    let slaves: SwarmkeeperInstance[];
    before(async () => {
      started = await startCluster({ env: { ...process.env, ...env } });
      master = await started.master();
      slaves = await started.slaves();
    });
    after(async () => {
      await using ending = started;
      if (ending) await stopAll(ending);
    });

    test('answers connect, announce and scrape by UDP from the socket that was asked, over IPv4 and IPv6', async () => {
      for (const slave of slaves) {
        for (const host of LOOPBACK) {
          const infoHash = newInfoHash();
          // A socket that is connected gets nothing from elsewhere.
          await using seeder = await UdpClient.open(host, slave.clientPort);
          await using leecher = await UdpClient.open(host, slave.clientPort);
          assert.equal((await seeder.announce({ infoHash, left: 0n, event: EVENT_STARTED })).seeders, 1);
          const reply = await leecher.announce({ infoHash, event: EVENT_STARTED });
          assert.deepEqual([reply.seeders, reply.leechers], [1, 1]);
          assert.deepEqual(reply.peers, [{ host, port: seeder.localPort }]);
          await leecher.announce({ infoHash, left: 0n, event: EVENT_COMPLETED });
          assert.deepEqual((await leecher.scrape([infoHash])).entries, [{ seeders: 2, completed: 1, leechers: 0 }]);
          await seeder.announce({ infoHash, left: 0n, event: EVENT_STOPPED });
          assert.deepEqual((await leecher.scrape([infoHash])).entries, [{ seeders: 1, completed: 1, leechers: 0 }]);
        }
      }
    });

    test('gives each client the peers of its own family, whoever was asked before', async () => {
      const infoHash = newInfoHash();
      const everywhere = [master, ...slaves].flatMap(({ clientPort }) =>
        LOOPBACK.map((host) => ({ host, clientPort })),
      );
      const seeders = { '127.0.0.1': [] as number[], '::1': [] as number[] };
      for (const { host, clientPort } of everywhere) {
        await using udp = await UdpClient.open(host, clientPort);
        await udp.announce({ infoHash, left: 0n });
        const httpPort = 1 + seeders[host].length;
        await httpAnnounce(clientPort, announceQuery(infoHash, httpPort, { left: 0 }), { host });
        seeders[host].push(udp.localPort, httpPort);
      }
      for (const { host, clientPort } of everywhere) {
        const expected = seeders[host].toSorted(byNumber).map((port) => ({ host, port }));
        await using udp = await UdpClient.open(host, clientPort);
        const byUdp = await udp.announce({ infoHash, numWant: 50 });
        const byHttp = await httpAnnounce(clientPort, announceQuery(infoHash, udp.localPort), { host });
        await udp.announce({ infoHash, event: EVENT_STOPPED });
        for (const { seeders: count, peers } of [byUdp, byHttp]) {
          assert.equal(count, 2 * everywhere.length);
          assert.deepEqual(
            peers.toSorted((a, b) => a.port - b.port),
            expected,
          );
        }
      }
    });

    test('gives seeders to who starts with nothing left where there is no leecher, by UDP and by HTTP', async () => {
      for (const host of LOOPBACK) {
        const infoHash = newInfoHash();
        const started = { left: 0, event: 'started' };
        await httpAnnounce(master.clientPort, announceQuery(infoHash, 1, started), { host });
        await using udp = await UdpClient.open(host, slaves[0].clientPort);
        const byUdp = await udp.announce({ infoHash, port: 2, left: 0n, event: EVENT_STARTED });
        assert.deepEqual(byUdp.peers, [{ host, port: 1 }]);
        const byHttp = await httpAnnounce(slaves[1].clientPort, announceQuery(infoHash, 3, started), { host });
        assert.deepEqual(byHttp.peers.map(({ port }) => port).toSorted(byNumber), [1, 2]);
      }
    });

    test('answers by UDP what the master answers, byte for byte', async () => {
      for (const host of LOOPBACK) {
        const infoHash = newInfoHash();
        await using client = await OpenClient.open(host);
        const [first, ...others] = [master, ...slaves].map(({ clientPort: port }) => ({ host, port }));
        const { connectionId } = (await client.connect(others[0])).reply;
        await httpAnnounce(first.port, announceQuery(infoHash, 1, { left: 0 }), { host });
        await client.announce(first, { connectionId, infoHash });
        const announced = await client.announce(first, { connectionId, infoHash });
        const scraped = await client.scrape(first, connectionId, [infoHash, newInfoHash()]);
        for (const slave of others) {
          const again = await client.announce(slave, { connectionId, infoHash });
          assert.deepEqual(withoutTransaction(again.datagram), withoutTransaction(announced.datagram));
          assert.equal(again.port, slave.port);
          const scrapedAgain = await client.scrape(slave, connectionId, [infoHash, newInfoHash()]);
          assert.deepEqual(withoutTransaction(scrapedAgain.datagram), withoutTransaction(scraped.datagram));
          assert.equal((await client.connect(slave)).datagram.length, 16);
        }
      }
    });

    test('answers a hundred clients at once, each of them and nobody else', async () => {
      const infoHash = newInfoHash();
      const replies = await Promise.all(
        Array.from({ length: CLIENTS }, async (_, i) => {
          const slave = slaves[i % slaves.length];
          await using client = await UdpClient.open('127.0.0.1', slave.clientPort, {
            localAddress: `127.0.1.${i + 1}`,
          });
          await client.announce({ infoHash, port: i + 1 });
          // What was sent to a client that asked the other slave, or to another client, would be among these.
          return client.received.length;
        }),
      );
      assert.ok(replies.every((count) => count >= 2));
      const { peers } = (await new TrackerApi(master).content(infoHash))!;
      assert.deepEqual(
        peers.map(({ host, port }) => `${host} ${port}`).toSorted(),
        Array.from({ length: CLIENTS }, (_, i) => `127.0.1.${i + 1} ${i + 1}`).toSorted(),
      );
    });

    test('answers announces and scrapes by HTTP as the master does, on connections of any kind', async () => {
      for (const host of LOOPBACK) {
        const infoHash = newInfoHash();
        await httpAnnounce(slaves[0].clientPort, announceQuery(infoHash, 1, { left: 0 }), { host });
        const announce = announceQuery(infoHash, 2, { left: 5 });
        const first = await exchange(slaves[1].clientPort, httpGet(`/announce?${announce}`), { host });
        const { seeders, leechers, peers } = readAnnounceReply(first, host === '::1' ? 6 : 4);
        assert.deepEqual({ seeders, leechers, peers }, { seeders: 1, leechers: 1, peers: [{ host, port: 1 }] });
        const targets = [
          `/announce?${announce}`,
          `/scrape?${scrapeQuery([infoHash, newInfoHash()])}`,
          '/announce?info_hash=x',
        ];
        for (const target of targets) {
          const expected = await exchange(master.clientPort, httpGet(target), { host });
          for (const { clientPort } of slaves) {
            const single = await exchange(clientPort, httpGet(target), { host });
            assert.deepEqual([single.status, single.body], [expected.status, expected.body]);
            await using connection = await RawConnection.open(clientPort, { host });
            // Two in one packet are for the general server.
            connection.send(`GET ${target} HTTP/1.1\r\nHost: tracker\r\n\r\n`.repeat(2));
            for (const { status, body } of await connection.replies(2)) {
              assert.deepEqual([status, body], [expected.status, expected.body]);
            }
          }
        }
      }
    });

    test('shows what was announced to it, and counts what it forwards', async () => {
      const [slave] = slaves;
      const api = new TrackerApi(slave);
      const counted = () =>
        Promise.all(['udp_forwarded_total', 'http_forwarded_total'].map((each) => api.metric(each)));
      const [udpBefore, httpBefore] = await counted();
      const infoHash = newInfoHash();
      const name = 'a name with spaces & signs';
      await using client = await UdpClient.open('127.0.0.1', slave.clientPort);
      await client.announce({ infoHash, left: 3n, urlData: `/announce?name=${encodeURIComponent(name)}&size=3` });
      await httpAnnounce(slave.clientPort, announceQuery(infoHash, 1, { left: 0 }));
      const content = await waitFor('both peers', async () => {
        const shown = await api.content(infoHash);
        return shown?.peers.length === 2 ? shown : undefined;
      });
      const { sha1, size, seeders, leechers } = content;
      assert.deepEqual(
        { sha1, size, seeders, leechers },
        { sha1: formatInfoHash(infoHash), size: 3, seeders: 1, leechers: 1 },
      );
      assert.equal(content.name, name);
      const [udp, http] = await counted();
      // Connect and announce, unless the network lost one and it was sent again.
      assert.ok(udp - udpBefore >= 2, `${udp - udpBefore} datagrams`);
      assert.equal(http - httpBefore, 1);
    });

    test('changes the admission lists of all, and shows the change at once', async () => {
      const [slave, other] = slaves;
      const api = new TrackerApi(slave);
      const denied = newInfoHash();
      await api.addToList('deny', denied);
      assert.deepEqual((await api.admission('deny')).sha1s, [formatInfoHash(denied)]);
      await api.setAdmissionMode('deny');
      assert.equal((await api.admission('deny')).mode, 'deny');
      for (const { clientPort } of [master, slave, other]) {
        await using client = await UdpClient.open('127.0.0.1', clientPort);
        await assert.rejects(client.announce({ infoHash: denied }), /does not serve that content/);
        await assert.rejects(httpAnnounce(clientPort, announceQuery(denied, 1)), /does not serve that content/);
      }
      await new TrackerApi(other).removeFromList('deny', denied);
      await new TrackerApi(other).setAdmissionMode('open');
      assert.equal((await new TrackerApi(other).admission('deny')).mode, 'open');
      await httpAnnounce(slave.clientPort, announceQuery(denied, 1));
      for (const instance of [master, slave, other]) {
        await waitFor('the list to be empty everywhere', async () => {
          const { mode, sha1s } = await new TrackerApi(instance).admission('deny');
          return mode === 'open' && sha1s.length === 0;
        });
      }
    });

    test('refuses a change that cannot be made with the reason that the master has', async () => {
      const change = (instance: SwarmkeeperInstance) =>
        new TrackerApi(instance).request('POST', '/api/v1/admission/deny', { sha1s: ['no sha1'] });
      const [atMaster, atSlave] = await Promise.all([change(master), change(slaves[0])]);
      assert.equal(atSlave.status, 400);
      assert.deepEqual(JSON.parse(atSlave.body.toString()), JSON.parse(atMaster.body.toString()));
    });

    test('comes to no harm by what is no request, and it is counted', async () => {
      const [slave] = slaves;
      const ignored = async () => {
        const all = [master, slave].map((instance) => new TrackerApi(instance));
        const counts = all.flatMap((api) => [
          api.metric('udp_malformed_total'),
          api.metric('udp_bad_connection_id_total'),
        ]);
        return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
      };
      const countedBefore = await ignored();
      await using client = await OpenClient.open();
      const to = { host: '127.0.0.1', port: slave.clientPort };
      const lengths = [0, 1, 7, 8, 15, 16, 17, 35, 36, 97, 98, 99, 500, 1_471, 1_472, 2_111, 2_112, 2_113, 9_000];
      for (const length of lengths) await client.send(to, randomBytes(length));
      // As an announce says it, but with an ID that nobody was given.
      await client.send(to, client.encodeAnnounce({ connectionId: 1n, infoHash: newInfoHash() }, 1));
      await waitFor('all of them to be counted', async () => (await ignored()) - countedBefore === lengths.length + 1);
      assert.deepEqual(client.heard, []);
      const { connectionId } = (await client.connect(to)).reply;
      const { reply } = await client.announce(to, { connectionId, infoHash: newInfoHash() });
      assert.equal(reply.leechers, 1);
    });
  });
}

function withoutTransaction(datagram: Uint8Array): Uint8Array {
  return Buffer.concat([datagram.subarray(0, 4), datagram.subarray(8)]);
}

const byNumber = (a: number, b: number) => a - b;
