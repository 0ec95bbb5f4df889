import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EVENT_COMPLETED,
  EVENT_STOPPED,
  encodeScrapeRequest,
  MAX_SCRAPE_HASHES,
  SCRAPE_REQUEST_HEADER_BYTES,
} from '../../src/bittorrent/bep15.ts';
import { onBothWays } from '../harness/both-ways.ts';
import { newInfoHash, newTransactionId, UdpClient } from '../harness/udp-client.ts';
import { staysUnanswered } from './unanswered.ts';

const NOTHING = { seeders: 0, completed: 0, leechers: 0 };

onBothWays((tracker) => {
  const open = () => UdpClient.open('127.0.0.1', tracker().clientPort);

  test('a scrape of one content tells its seeders, downloads and leechers', async () => {
    await using client = await open();
    const infoHash = newInfoHash();
    for (const port of [1, 2, 3]) await client.announce({ infoHash, port });
    await client.announce({ infoHash, port: 4, left: 0n, event: EVENT_COMPLETED });
    assert.deepEqual((await client.scrape([infoHash])).entries, [{ seeders: 1, completed: 1, leechers: 3 }]);
    for (const port of [1, 2, 3, 4]) await client.announce({ infoHash, port, event: EVENT_STOPPED });
    assert.deepEqual((await client.scrape([infoHash])).entries, [{ seeders: 0, completed: 1, leechers: 0 }]);
  });

  test('a scrape of 74 is answered in their order, the unknown ones with zeros', async () => {
    await using client = await open();
    const infoHashes = Array.from({ length: MAX_SCRAPE_HASHES }, newInfoHash);
    const expected = [];
    for (const [i, infoHash] of infoHashes.entries()) {
      if (i % 3 === 0) await client.announce({ infoHash, left: i % 2 === 0 ? 0n : 1n });
      const known = { seeders: i % 2 === 0 ? 1 : 0, completed: 0, leechers: i % 2 === 0 ? 0 : 1 };
      expected.push(i % 3 === 0 ? known : NOTHING);
    }
    assert.deepEqual((await client.scrape(infoHashes)).entries, expected);
    assert.equal(client.received.at(-1)?.length, 8 + 74 * 12);
  });

  test('the same content twice is told of twice', async () => {
    await using client = await open();
    const infoHash = newInfoHash();
    await client.announce({ infoHash });
    const one = { seeders: 0, completed: 0, leechers: 1 };
    assert.deepEqual((await client.scrape([infoHash, newInfoHash(), infoHash])).entries, [one, NOTHING, one]);
  });

  test('asking is no announcing: a scrape leaves nothing behind', async () => {
    await using client = await open();
    const infoHash = newInfoHash();
    for (let repeat = 0; repeat < 3; repeat++) assert.deepEqual((await client.scrape([infoHash])).entries, [NOTHING]);
  });

  test('a scrape of none, of more than 74, or of a broken number gets no answer', async () => {
    await using client = await open();
    const connectionId = await client.connect();
    const infoHashes = Array.from({ length: MAX_SCRAPE_HASHES }, newInfoHash);
    const full = encodeScrapeRequest({ connectionId, transactionId: newTransactionId(), infoHashes });
    const ofHashes = (hashes: number) => {
      const request = Buffer.alloc(SCRAPE_REQUEST_HEADER_BYTES + Math.round(hashes * 20));
      request.set(full.subarray(0, request.length));
      return request;
    };
    await staysUnanswered(
      tracker(),
      {},
      [0, 75, 76, 100, 104.8, 105, 150, 0.05, 0.95, 1.05, 73.95, 74.05].map(ofHashes),
    );
  });
});
