import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BencodeDictionary } from '../../src/bittorrent/bencode.ts';
import { onBothWays } from '../harness/both-ways.ts';
import {
  announceQuery,
  bencodedBody,
  httpAnnounce,
  httpGet,
  type QueryFields,
  readAnnounceReply,
} from '../harness/http-tracker.ts';
import { exchange } from '../harness/raw-connection.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, UdpClient } from '../harness/udp-client.ts';

const INTERVAL_SECONDS = 600;
const MANY_PEERS = 230;
const MOST_PEERS = 200;

onBothWays(
  (tracker) => {
    const announce = (infoHash: Uint8Array, port: number, more?: QueryFields, localAddress = '127.0.0.1') =>
      httpAnnounce(tracker().clientPort, announceQuery(infoHash, port, more), { localAddress });
    const rawAnnounce = async (infoHash: Uint8Array, port: number, more?: QueryFields, host = '127.0.0.1') =>
      bencodedBody(
        await exchange(tracker().clientPort, httpGet(`/announce?${announceQuery(infoHash, port, more)}`), { host }),
      );

    test('an announce makes the sender a peer, at its address and the port that it says', async () => {
      const infoHash = newInfoHash();
      const reply = await announce(infoHash, 51_413, { left: 7, event: 'started' }, '127.0.0.8');
      assert.deepEqual(reply, { intervalSeconds: INTERVAL_SECONDS, seeders: 0, leechers: 1, completed: 0, peers: [] });
      const content = await new TrackerApi(tracker()).content(infoHash);
      assert.deepEqual(
        content?.peers.map(({ host, port, left }) => ({ host, port, left })),
        [{ host: '127.0.0.8', port: 51_413, left: 7 }],
      );
    });

    test('what a client says of its own address is not believed', async () => {
      const infoHash = newInfoHash();
      await announce(infoHash, 1, { ip: '8.8.8.8', ipv6: '2001:db8::1' });
      const content = await new TrackerApi(tracker()).content(infoHash);
      assert.deepEqual(
        content?.peers.map(({ host }) => host),
        ['127.0.0.1'],
      );
    });

    test('a reply has what BEP 3, 7, 23 and 24 ask for, in canonical order', async () => {
      for (const [host, peersKey, ip] of [
        ['127.0.0.1', 'peers', '7f000001'],
        ['::1', 'peers6', `${'00'.repeat(15)}01`],
      ]) {
        const infoHash = newInfoHash();
        await rawAnnounce(infoHash, 1, { left: 0 }, host);
        const body = await rawAnnounce(infoHash, 2, {}, host);
        assert.deepEqual(
          [body.get('interval'), body.get('complete'), body.get('incomplete'), body.get('downloaded')],
          [INTERVAL_SECONDS, 1, 1, 0],
        );
        const minimum = body.get('min interval') as number;
        assert.ok(minimum > 0 && minimum <= INTERVAL_SECONDS);
        assert.equal(hex(body, 'external ip'), ip);
        assert.equal(hex(body, peersKey), `${ip}0001`);
      }
    });

    test('peers come as dictionaries for compact=0, without peer IDs', async () => {
      for (const host of ['127.0.0.1', '::1']) {
        const infoHash = newInfoHash();
        await rawAnnounce(infoHash, 1, {}, host);
        for (const more of [{ compact: 0 }, { compact: 0, no_peer_id: 1 }]) {
          const [peer, ...others] = (await rawAnnounce(infoHash, 2, more, host)).get('peers') as BencodeDictionary[];
          assert.deepEqual(others, []);
          assert.deepEqual(
            Array.from(peer, ([key, value]) => `${key}: ${value}`),
            [`ip: ${host}`, 'port: 1'],
          );
        }
      }
    });

    test('a seeder is given leechers only, a leecher both, nobody itself', async () => {
      const infoHash = newInfoHash();
      for (const port of [1, 2]) await announce(infoHash, port);
      for (const port of [11, 12]) await announce(infoHash, port, { left: 0 });
      const ports = async (port: number, left: number) =>
        (await announce(infoHash, port, { left })).peers.map((peer) => peer.port).sort((a, b) => a - b);
      assert.deepEqual(await ports(1, 5), [2, 11, 12]);
      assert.deepEqual(await ports(11, 0), [1, 2]);
    });

    test('who starts with nothing left is given seeders where there is no leecher, and at no other time', async () => {
      const infoHash = newInfoHash();
      const given = async (port: number, event?: string) =>
        (await announce(infoHash, port, { left: 0, event })).peers.map((peer) => peer.port).sort((a, b) => a - b);
      assert.deepEqual(await given(1, 'started'), []);
      assert.deepEqual(await given(2, 'started'), [1]);
      assert.deepEqual(await given(3, 'started'), [1, 2]);
      assert.deepEqual(await given(3), []);
      assert.deepEqual(await given(3, 'completed'), []);
      await announce(infoHash, 11);
      assert.deepEqual(await given(3, 'started'), [11]);
    });

    test('who stops is gone; who completes is counted once', async () => {
      const infoHash = newInfoHash();
      await announce(infoHash, 1);
      await announce(infoHash, 2);
      for (let repeat = 0; repeat < 3; repeat++) {
        const { completed, seeders, leechers } = await announce(infoHash, 1, { left: 0, event: 'completed' });
        assert.deepEqual({ completed, seeders, leechers }, { completed: 1, seeders: 1, leechers: 1 });
      }
      for (let repeat = 0; repeat < 2; repeat++) {
        const bye = await announce(infoHash, 2, { event: 'stopped' });
        assert.deepEqual([bye.peers, bye.seeders, bye.leechers], [[], 1, 0]);
      }
    });

    test('left unknown makes a leecher, as with a magnet link', async () => {
      for (const left of [undefined, -1, '18446744073709551615']) {
        const { leechers, seeders } = await announce(newInfoHash(), 1, { left });
        assert.deepEqual({ leechers, seeders }, { leechers: 1, seeders: 0 });
      }
    });

    test('a client gets as many peers as it wants, up to a limit', async () => {
      const infoHash = newInfoHash();
      await using client = await UdpClient.open('127.0.0.1', tracker().clientPort);
      for (let port = 1; port <= MANY_PEERS; port++) await client.announce({ infoHash, port });
      const cases: [numwant: string | undefined, expected: number][] = [
        ['0', 0],
        ['1', 1],
        ['00007', 7],
        [undefined, 50],
        ['-1', 50],
        ['2147483648', MOST_PEERS],
        ['99999999999999999999', MOST_PEERS],
      ];
      for (const [numwant, expected] of cases) {
        const { peers } = await announce(infoHash, 1, { numwant });
        assert.equal(peers.length, expected, `numwant=${numwant}`);
        assert.equal(new Set(peers.map(({ port }) => port)).size, expected);
        assert.ok(!peers.some(({ port }) => port === 1));
        const dictionaries = (await rawAnnounce(infoHash, 1, { numwant, compact: 0 })).get('peers') as unknown[];
        assert.equal(dictionaries.length, expected, `numwant=${numwant}&compact=0`);
      }
    });

    test('announces by UDP and by HTTP make one swarm', async () => {
      await using client = await UdpClient.open('127.0.0.1', tracker().clientPort);
      const infoHash = newInfoHash();
      await client.announce({ infoHash, port: 1, left: 0n });
      const { peers, seeders } = await announce(infoHash, 2);
      assert.deepEqual([peers, seeders], [[{ host: '127.0.0.1', port: 1 }], 1]);
      assert.deepEqual((await client.announce({ infoHash, port: 1, left: 0n })).peers, [
        { host: '127.0.0.1', port: 2 },
      ]);
      // The same peer, whichever way it comes.
      assert.equal((await announce(infoHash, 1, { left: 0 })).seeders, 1);
    });

    test('an info-hash may be escaped wholly, as little as needed, or in small letters', async () => {
      const infoHash = Uint8Array.from(Buffer.from('00ff257f2b26263d20202041427a39307e2d5f2e', 'hex'));
      const escapeAll = (digits: (byte: number) => string) =>
        Array.from(infoHash, (byte) => `%${digits(byte)}`).join('');
      const upper = escapeAll((byte) => byte.toString(16).padStart(2, '0').toUpperCase());
      const lower = upper.toLowerCase();
      const little = '%00%FF%25%7f%2B%26%26%3D%20%20%20ABz90~-_.';
      for (const [i, escaped] of [upper, lower, little].entries()) {
        const query = `info_hash=${escaped}&peer_id=${'x'.repeat(20)}&port=${i + 1}&left=1`;
        assert.equal((await httpAnnounce(tracker().clientPort, query)).leechers, i + 1, escaped);
      }
    });

    test('unknown keys and empty fields are skipped', async () => {
      const query = `&&=&foo&bar=%zz&=x&${announceQuery(newInfoHash(), 1)}&supportcrypto=1&redundant=0&&corrupt=`;
      const reply = await exchange(tracker().clientPort, httpGet(`/announce?${query}`));
      assert.equal(readAnnounceReply(reply, 4).leechers, 1);
      assert.deepEqual([reply.status, reply.headers.get('content-type')], [200, 'text/plain']);
    });
  },
  { args: ['--interval', String(INTERVAL_SECONDS)] },
);

function hex(body: BencodeDictionary, key: string): string {
  return Buffer.from(body.get(key) as Uint8Array).toString('hex');
}
