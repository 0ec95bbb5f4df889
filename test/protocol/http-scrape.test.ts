import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BencodeDictionary } from '../../src/bittorrent/bencode.ts';
import { onBothWays } from '../harness/both-ways.ts';
import {
  announceQuery,
  bencodedBody,
  failureReason,
  httpAnnounce,
  httpGet,
  scrapeQuery,
} from '../harness/http-tracker.ts';
import { exchange } from '../harness/raw-connection.ts';
import { newInfoHash } from '../harness/udp-client.ts';

onBothWays((tracker) => {
  const ask = (query: string) => exchange(tracker().clientPort, httpGet(`/scrape${query}`));

  async function scrape(infoHashes: readonly Uint8Array[]): Promise<Map<string, number[]>> {
    const files = bencodedBody(await ask(`?${scrapeQuery(infoHashes)}`)).get('files') as BencodeDictionary;
    return new Map(
      Array.from(files, ([infoHash, entry]) => {
        const counts = entry as BencodeDictionary;
        return [infoHash, ['complete', 'downloaded', 'incomplete'].map((key) => counts.get(key) as number)];
      }),
    );
  }

  test('a scrape tells seeders, downloads and leechers of each content, zeros of unknown ones', async () => {
    const [known, unknown] = [newInfoHash(), newInfoHash()];
    const { clientPort } = tracker();
    await httpAnnounce(clientPort, announceQuery(known, 1));
    await httpAnnounce(clientPort, announceQuery(known, 2, { left: 0, event: 'completed' }));
    const entries = await scrape([known, unknown, known]);
    assert.deepEqual(
      entries,
      new Map([
        [Buffer.from(known).toString('latin1'), [1, 1, 1]],
        [Buffer.from(unknown).toString('latin1'), [0, 0, 0]],
      ]),
    );
  });

  test('a scrape may name 100 contents, and no more', async () => {
    const infoHashes = Array.from({ length: 101 }, () => newInfoHash().fill(0xee, 3));
    for (const [i, infoHash] of infoHashes.entries()) infoHash[2] = i;
    assert.equal((await scrape(infoHashes.slice(0, 100))).size, 100);
    assert.match(failureReason(await ask(`?${scrapeQuery(infoHashes)}`))!, /the query has \d+ characters|at most 100/);
    const short = infoHashes.map((_, i) => `info_hash=${'x'.repeat(17)}${i + 100}`).join('&');
    assert.match(failureReason(await ask(`?${short}`))!, /at most 100 info-hashes; split it/);
  });

  test('a scrape of all contents, or of what is none, is refused with a reason', async () => {
    const cases: [query: string, reason: RegExp][] = [
      ['', /info_hash is missing/],
      ['?', /info_hash is missing/],
      ['?foo=bar', /info_hash is missing/],
      ['?info_hash=', /info_hash must be 20 bytes once unescaped, got 0/],
      ['?info_hash=%zz', /info_hash has a bad percent-escape/],
      [`?info_hash=${'x'.repeat(21)}`, /info_hash must be 20 bytes once unescaped, got more/],
    ];
    for (const [query, reason] of cases) assert.match(failureReason(await ask(query)) ?? 'none', reason, query);
  });
});
