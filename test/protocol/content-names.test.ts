import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatContentQuery } from '../../src/bittorrent/content-query.ts';
import { percentEncode } from '../../src/bittorrent/percent-encoding.ts';
import { onBothWays } from '../harness/both-ways.ts';
import { announceQuery, httpAnnounce } from '../harness/http-tracker.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, UdpClient } from '../harness/udp-client.ts';

const encode = (name: string) => percentEncode(new TextEncoder().encode(name));

onBothWays((tracker) => {
  /** Announces `query` with its name and size, and returns what the contents then list. */
  async function named(by: 'udp' | 'http', infoHash: Uint8Array, port: number, query: string) {
    if (by === 'udp') {
      await using client = await UdpClient.open('127.0.0.1', tracker().clientPort);
      await client.announce({ infoHash, port, urlData: `/announce?${query}` });
    } else {
      await httpAnnounce(tracker().clientPort, `${announceQuery(infoHash, port)}&${query}`);
    }
    const content = await new TrackerApi(tracker()).content(infoHash);
    return { name: content?.name, size: content?.size };
  }

  for (const by of ['udp', 'http'] as const) {
    test(`names come through ${by} as they are, whatever they say`, async () => {
      const names = [
        'a film.mkv',
        '<script>alert(1)</script>&amp;"\'',
        'سلام \u202egnp.exe\u202c',
        '日本語 🎬 e\u0301',
        "'; DROP TABLE CONTENTS; --",
        '../../etc/passwd',
        '%41 + & = ?',
        '\ufeffbyte order mark',
        'x'.repeat(255),
        'é'.repeat(127),
        '0'.repeat(40),
      ];
      for (const name of names) {
        const query = formatContentQuery({ name, size: 7 }).slice(1);
        assert.deepEqual(await named(by, newInfoHash(), 1, query), { name, size: 7 });
      }
    });

    test(`names that cannot be shown are ignored when they come through ${by}, the announce is not`, async () => {
      const queries = [
        'name=',
        'name',
        `name=${'x'.repeat(256)}`,
        `name=${encode('é'.repeat(128))}`,
        'name=%ff',
        'name=%c3',
        'name=%ed%a0%80',
        'name=%zz',
        'name=%0a',
        'name=a%00b',
        'name=%1b[31m',
        'name=%7f',
        'name=%c2%9b',
        'size=1',
      ];
      for (const query of queries) {
        assert.deepEqual(await named(by, newInfoHash(), 1, query), { name: null, size: null }, query);
      }
    });

    test(`sizes that come through ${by} are whole numbers, or unknown`, async () => {
      const sizes: [text: string, size: number | null][] = [
        ['0', 0],
        ['9007199254740991', 2 ** 53 - 1],
        ['9007199254740992', null],
        ['-1', null],
        ['1.5', null],
        ['007', null],
        ['1e3', null],
        ['', null],
        ['9'.repeat(30), null],
      ];
      for (const [text, size] of sizes) {
        assert.deepEqual(await named(by, newInfoHash(), 1, `name=x&size=${text}`), { name: 'x', size }, text);
      }
    });
  }

  test('the first name stays, whoever says another later and by whichever way', async () => {
    const infoHash = newInfoHash();
    const first = { name: 'first', size: 1 };
    assert.deepEqual(await named('udp', infoHash, 1, 'name=first&size=1'), first);
    assert.deepEqual(await named('udp', infoHash, 1, 'name=second&size=2'), first);
    assert.deepEqual(await named('http', infoHash, 2, 'name=third&size=3'), first);
    assert.deepEqual(await named('udp', infoHash, 3, 'x=y'), first);
  });

  test('a content that was announced without a name may be named later', async () => {
    const infoHash = newInfoHash();
    assert.deepEqual(await named('http', infoHash, 1, 'x=y'), { name: null, size: null });
    assert.deepEqual(await named('http', infoHash, 1, 'name=late'), { name: 'late', size: null });
  });
});
