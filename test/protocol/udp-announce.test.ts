import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EVENT_COMPLETED,
  EVENT_NONE,
  EVENT_STARTED,
  EVENT_STOPPED,
  type TrackerReply,
} from '../../src/bittorrent/bep15.ts';
import type { PeerAddress } from '../../src/bittorrent/compact-peers.ts';
import { onBothWays } from '../harness/both-ways.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, newTransactionId, UdpClient } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const INTERVAL_SECONDS = 600;
/** BEP 15 sets no limit; what fits passes any path without being cut up. */
const MAX_REPLY_BYTES = 1_200;
const MANY_PEERS = 300;

onBothWays(
  (tracker) => {
    const open = (host = '127.0.0.1', localAddress?: string) =>
      UdpClient.open(host, tracker().clientPort, localAddress === undefined ? {} : { localAddress });

    test('an announce makes the sender a peer, at its address and the port that it says', async () => {
      await using client = await open('127.0.0.1', '127.0.0.7');
      const infoHash = newInfoHash();
      const reply = await client.announce({ infoHash, port: 51_413, left: 2n ** 40n, event: EVENT_STARTED });
      assert.deepEqual(
        { ...reply, transactionId: 0 },
        { action: 'announce', transactionId: 0, intervalSeconds: INTERVAL_SECONDS, leechers: 1, seeders: 0, peers: [] },
      );
      const content = await new TrackerApi(tracker()).content(infoHash);
      assert.deepEqual(
        content?.peers.map(({ host, port, left }) => ({ host, port, left })),
        [{ host: '127.0.0.7', port: 51_413, left: 2 ** 40 }],
      );
    });

    test('the IP address in an announce is not believed', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      await client.announce({ infoHash, ip: 0x0808_0808 });
      const content = await new TrackerApi(tracker()).content(infoHash);
      assert.deepEqual(
        content?.peers.map(({ host }) => host),
        ['127.0.0.1'],
      );
    });

    test('left beyond what a double holds exactly still makes a leecher', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      const { leechers, seeders } = await client.announce({ infoHash, left: 2n ** 64n - 1n });
      assert.deepEqual({ leechers, seeders }, { leechers: 1, seeders: 0 });
      assert.equal((await new TrackerApi(tracker()).content(infoHash))?.leechers, 1);
    });

    test('an event that BEP 15 does not know counts as none', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      for (const event of [4, 0x7fff_ffff, 0xffff_ffff]) {
        assert.equal((await client.announce({ infoHash, event })).leechers, 1);
      }
    });

    test('port 0 is refused with a reason, and makes nobody a peer', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      for (const event of [EVENT_NONE, EVENT_STARTED, EVENT_COMPLETED]) {
        await assert.rejects(
          client.announce({ infoHash, port: 0, event }),
          /port 0 cannot be reached: announce the port/,
        );
      }
      assert.deepEqual((await client.scrape([infoHash])).entries, [{ seeders: 0, completed: 0, leechers: 0 }]);
      // Who leaves need not be reached any more.
      assert.deepEqual((await client.announce({ infoHash, port: 0, event: EVENT_STOPPED })).peers, []);
    });

    test('a peer is never given itself, and all others when they are few', async () => {
      const infoHash = newInfoHash();
      const peers = Array.from({ length: 5 }, (_, i) => ({ host: `127.0.0.${20 + i}`, port: 1_000 + i }));
      for (const { host, port } of peers) {
        await using client = await open('127.0.0.1', host);
        await client.announce({ infoHash, port });
      }
      for (const [i, { host, port }] of peers.entries()) {
        await using client = await open('127.0.0.1', host);
        for (let attempt = 0; attempt < 20; attempt++) {
          const reply = await client.announce({ infoHash, port });
          assert.deepEqual(sorted(reply.peers), peers.toSpliced(i, 1));
        }
        // One that wants fewer may be given any, but not itself.
        for (let attempt = 0; attempt < 50; attempt++) {
          const reply = await client.announce({ infoHash, port, numWant: 2 });
          assert.equal(new Set(sorted(reply.peers).map(text)).size, 2);
          assert.ok(!reply.peers.some((peer) => text(peer) === text({ host, port })));
        }
      }
    });

    test('two peers behind one address are told of each other', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      await client.announce({ infoHash, port: 1_001 });
      const { peers } = await client.announce({ infoHash, port: 1_002 });
      assert.deepEqual(peers, [{ host: '127.0.0.1', port: 1_001 }]);
    });

    test('a seeder is given leechers only, a leecher both', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      const at = (port: number) => ({ host: '127.0.0.1', port });
      const [leechers, seeders] = [
        [1, 2, 3],
        [11, 12],
      ];
      for (const port of leechers) await client.announce({ infoHash, port, left: 5n });
      for (const port of seeders) await client.announce({ infoHash, port, left: 0n });
      const asLeecher = await client.announce({ infoHash, port: 1, left: 5n });
      assert.deepEqual(sorted(asLeecher.peers), [2, 3, 11, 12].map(at));
      const asSeeder = await client.announce({ infoHash, port: 11, left: 0n });
      assert.deepEqual(sorted(asSeeder.peers), [1, 2, 3].map(at));
      assert.deepEqual([asSeeder.leechers, asSeeder.seeders], [3, 2]);
    });

    test('who starts with nothing left is given seeders where there is no leecher, and at no other time', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      const given = async (port: number, event: number) =>
        sorted((await client.announce({ infoHash, port, left: 0n, event })).peers).map((peer) => peer.port);
      assert.deepEqual(await given(1, EVENT_STARTED), []);
      assert.deepEqual(await given(2, EVENT_STARTED), [1]);
      assert.deepEqual(await given(3, EVENT_STARTED), [1, 2]);
      assert.deepEqual(await given(3, EVENT_NONE), []);
      assert.deepEqual(await given(3, EVENT_COMPLETED), []);
      await client.announce({ infoHash, port: 11, left: 5n });
      assert.deepEqual(await given(3, EVENT_STARTED), [11]);
    });

    test('a leecher with few wishes is given seeders and leechers from a swarm of both', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      for (let port = 1; port <= 40; port++) await client.announce({ infoHash, port, left: port <= 20 ? 0n : 5n });
      const { peers } = await client.announce({ infoHash, port: 21, left: 5n, numWant: 10 });
      const seeders = peers.filter(({ port }) => port <= 20).length;
      assert.equal(peers.length, 10);
      assert.ok(seeders >= 1 && seeders <= 9, `${seeders} seeders of 10`);
    });

    test('who stops is gone, at once and for all, and is given nobody', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      await client.announce({ infoHash, port: 1 });
      await client.announce({ infoHash, port: 2 });
      for (let repeat = 0; repeat < 3; repeat++) {
        const bye = await client.announce({ infoHash, port: 2, event: EVENT_STOPPED });
        assert.deepEqual([bye.peers, bye.leechers, bye.seeders], [[], 1, 0]);
      }
      assert.deepEqual((await client.announce({ infoHash, port: 1 })).peers, []);
      assert.equal((await new TrackerApi(tracker()).content(infoHash))?.peers.length, 1);
      const back = await client.announce({ infoHash, port: 2 });
      assert.deepEqual(back.peers, [{ host: '127.0.0.1', port: 1 }]);
    });

    test('who stops without ever having started leaves no trace', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      const { peers, leechers, seeders } = await client.announce({ infoHash, event: EVENT_STOPPED });
      assert.deepEqual([peers, leechers, seeders], [[], 0, 0]);
      assert.equal(await new TrackerApi(tracker()).content(infoHash), undefined);
    });

    test('a completed download counts once, however often it is repeated', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      await client.announce({ infoHash, left: 5n, event: EVENT_STARTED });
      const completed = { infoHash, left: 0n, event: EVENT_COMPLETED };
      const connectionId = await client.connect();
      // All in one batch, as when a client repeats itself before the answer is there; and again, one by one.
      const transactionIds = Array.from({ length: 10 }, newTransactionId);
      for (const id of transactionIds) await client.send(client.encodeAnnounce({ ...completed, connectionId }, id));
      await waitFor('all replies', () => transactionIds.every((id) => client.replyTo(id)?.action === 'announce'));
      for (let repeat = 0; repeat < 3; repeat++) await client.announce(completed);
      assert.deepEqual((await client.scrape([infoHash])).entries, [{ seeders: 1, completed: 1, leechers: 0 }]);
      assert.equal((await new TrackerApi(tracker()).content(infoHash))?.completed, 1);
      // Another peer's download is another one.
      await client.announce({ ...completed, port: 1 });
      assert.deepEqual((await client.scrape([infoHash])).entries, [{ seeders: 2, completed: 2, leechers: 0 }]);
    });

    test('who says completed and still lacks something has not completed', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      await client.announce({ infoHash, left: 5n, event: EVENT_COMPLETED });
      assert.deepEqual((await client.scrape([infoHash])).entries, [{ seeders: 0, completed: 0, leechers: 1 }]);
    });

    test('repeating an announce changes nothing, not even the log', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      const announce = { infoHash, left: 5n, event: EVENT_STARTED };
      const first = await client.announce(announce);
      const api = new TrackerApi(tracker());
      const before = await api.settled();
      for (let repeat = 0; repeat < 20; repeat++) {
        assert.deepEqual({ ...(await client.announce(announce)), transactionId: 0 }, { ...first, transactionId: 0 });
      }
      const after = await api.settled();
      assert.equal(after.commitIndex, before.commitIndex);
      assert.equal(after.members[0].stateHash, before.members[0].stateHash);
    });

    test('a peer may go from leecher to seeder and back', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      for (const left of [5n, 0n, 5n, 0n]) {
        const { leechers, seeders } = await client.announce({ infoHash, left });
        assert.deepEqual([leechers, seeders], left === 0n ? [0, 1] : [1, 0]);
      }
    });

    test('a reply names peers of its own family, and counts those of both', async () => {
      await using client4 = await open('127.0.0.1');
      await using client6 = await open('::1');
      const infoHash = newInfoHash();
      for (const port of [41, 42]) await client4.announce({ infoHash, port, left: 5n });
      for (const port of [61, 62]) await client6.announce({ infoHash, port, left: 0n });
      const reply4 = await client4.announce({ infoHash, port: 41, left: 5n });
      assert.deepEqual(reply4.peers, [{ host: '127.0.0.1', port: 42 }]);
      const reply6 = await client6.announce({ infoHash, port: 63, left: 5n });
      assert.deepEqual(
        sorted(reply6.peers),
        [61, 62].map((port) => ({ host: '::1', port })),
      );
      assert.deepEqual([reply6.leechers, reply6.seeders], [3, 2]);
      assert.deepEqual((await client4.scrape([infoHash])).entries, [{ seeders: 2, completed: 0, leechers: 3 }]);
      const content = await new TrackerApi(tracker()).content(infoHash);
      assert.deepEqual(sorted(content!.peers.map(({ host, port }) => ({ host, port }))), [
        ...[41, 42].map((port) => ({ host: '127.0.0.1', port })),
        ...[61, 62, 63].map((port) => ({ host: '::1', port })),
      ]);
    });

    for (const host of ['127.0.0.1', '::1']) {
      test(`a swarm of many at ${host} is cut to what the client wants and a reply holds`, async () => {
        await using client = await open(host);
        const infoHash = newInfoHash();
        await announceMany(client, infoHash);
        const peerBytes = host === '::1' ? 18 : 6;
        const most = Math.floor((MAX_REPLY_BYTES - 20) / peerBytes);
        const cases: [numWant: number, expected: number][] = [
          [0, 0],
          [1, 1],
          [7, 7],
          [-1, 50],
          [-(2 ** 31), 50],
          [2 ** 31 - 1, most],
          [200, Math.min(most, 200)],
        ];
        for (const [numWant, expected] of cases) {
          const { peers, leechers } = await client.announce({ infoHash, port: 1, numWant });
          assert.equal(peers.length, expected, `numwant ${numWant}`);
          assert.equal(new Set(peers.map(text)).size, expected, 'no peer twice');
          assert.equal(leechers, MANY_PEERS);
        }
        assert.ok(client.received.every(({ length }) => length <= MAX_REPLY_BYTES));
      });
    }

    test('all of a large swarm are told of in the long run', async () => {
      await using client = await open();
      const infoHash = newInfoHash();
      await announceMany(client, infoHash);
      const told = new Set<number>();
      for (let i = 0; i < 200 && told.size < MANY_PEERS - 1; i++) {
        const { peers } = await client.announce({ infoHash, port: 1, numWant: 50 });
        for (const { port } of peers) told.add(port);
      }
      assert.equal(told.size, MANY_PEERS - 1);
      assert.ok(!told.has(1));
    });
  },
  { args: ['--interval', String(INTERVAL_SECONDS)] },
);

/** Peers at ports 1 to MANY_PEERS, all at once. */
async function announceMany(client: UdpClient, infoHash: Uint8Array): Promise<void> {
  const connectionId = await client.connect();
  const waiting = new Map<number, number>();
  for (let port = 1; port <= MANY_PEERS; port++) waiting.set(port, newTransactionId());
  await waitFor('all to be announced', async () => {
    for (const [port, id] of waiting) {
      const reply: TrackerReply | undefined = client.replyTo(id);
      if (reply?.action === 'announce') waiting.delete(port);
      else await client.send(client.encodeAnnounce({ infoHash, port, connectionId }, id));
    }
    return waiting.size === 0;
  });
}

/** By port: in these tests no two peers share one. */
function sorted(peers: readonly PeerAddress[]): PeerAddress[] {
  return peers.toSorted((a, b) => a.port - b.port);
}

function text({ host, port }: PeerAddress): string {
  return `${host} ${port}`;
}
