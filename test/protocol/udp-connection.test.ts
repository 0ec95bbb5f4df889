import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeConnectRequest, encodeScrapeRequest } from '../../src/bittorrent/bep15.ts';
import { onBothWays } from '../harness/both-ways.ts';
import { newInfoHash, newTransactionId, UdpClient } from '../harness/udp-client.ts';
import { staysUnanswered } from './unanswered.ts';

onBothWays((tracker) => {
  for (const host of ['127.0.0.1', '::1']) {
    test(`a connect to ${host} is answered with its transaction ID and 16 bytes, no more`, async () => {
      await using client = await UdpClient.open(host, tracker().clientPort);
      await client.connect();
      const [reply] = client.received;
      assert.equal(reply.length, 16);
      // What follows a request of known length is of no account.
      const transactionId = newTransactionId();
      await client.send(Buffer.concat([encodeConnectRequest(transactionId), Buffer.alloc(100, 1)]));
      await client.connect();
      assert.equal(client.replyTo(transactionId)?.action, 'connect');
      assert.deepEqual(new Set(client.received.map(({ length }) => length)), new Set([16]));
    });
  }

  test('a connection ID serves many requests, and every socket of its address', async () => {
    await using client = await UdpClient.open('127.0.0.1', tracker().clientPort);
    const connectionId = await client.connect();
    await using other = await UdpClient.open('127.0.0.1', tracker().clientPort);
    const infoHash = newInfoHash();
    for (let i = 0; i < 3; i++) await client.announce({ infoHash });
    const { leechers } = await other.announce({ infoHash, connectionId });
    assert.equal(leechers, 2);
  });

  test('a connection ID that was never issued gets no answer', async () => {
    await using client = await UdpClient.open('127.0.0.1', tracker().clientPort, { localAddress: '127.0.0.2' });
    const valid = await client.connect();
    const flipped = Array.from({ length: 64 }, (_, bit) => valid ^ (1n << BigInt(bit)));
    // The time of issue is in it: moving that, as for one that has expired or is yet to come, must not do.
    const shifted = [-121n, -1n, 1n, 121n].map((seconds) => BigInt.asUintN(64, valid + (seconds << 48n)));
    const connectionIds = [0n, 1n, 0x41727101980n, 2n ** 64n - 1n, ...flipped, ...shifted];
    const infoHashes = [newInfoHash()];
    await staysUnanswered(
      tracker(),
      { localAddress: '127.0.0.2' },
      connectionIds.flatMap((connectionId) => [
        client.encodeAnnounce({ infoHash: infoHashes[0], connectionId }),
        encodeScrapeRequest({ connectionId, transactionId: newTransactionId(), infoHashes }),
      ]),
    );
    const { entries } = await client.scrape(infoHashes);
    assert.deepEqual(entries, [{ seeders: 0, completed: 0, leechers: 0 }], 'none of them was taken in');
  });

  test('a connection ID of another address, or of the other family, gets no answer', async () => {
    await using client = await UdpClient.open('127.0.0.1', tracker().clientPort);
    const connectionId = await client.connect();
    const announce = client.encodeAnnounce({ infoHash: newInfoHash(), connectionId });
    await staysUnanswered(tracker(), { localAddress: '127.0.0.3' }, [announce]);
    await staysUnanswered(tracker(), { host: '::1' }, [announce]);
  });

  test('connection IDs of different addresses have nothing in common', async () => {
    const ids = new Set<bigint>();
    for (let last = 1; last <= 20; last++) {
      const localAddress = `127.0.1.${last}`;
      await using client = await UdpClient.open('127.0.0.1', tracker().clientPort, { localAddress });
      ids.add((await client.connect()) & 0xffff_ffff_ffffn);
    }
    assert.equal(ids.size, 20);
  });

  test('a connect without the protocol ID gets no answer', async () => {
    const connects = Array.from({ length: 64 }, (_, bit) => {
      const connect = encodeConnectRequest(newTransactionId());
      connect[bit >> 3] ^= 1 << (bit & 7);
      return connect;
    });
    await staysUnanswered(tracker(), {}, connects);
  });
});
