import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatInfoHash } from './info-hash.ts';
import {
  formatMagnet,
  MAX_MAGNET_CHARACTERS,
  MAX_MAGNET_PEERS,
  MAX_MAGNET_TRACKERS,
  type Magnet,
  MagnetError,
  parseEndpoint,
  parseMagnet,
} from './magnet.ts';

const HASH = '0123456789abcdef0123456789abcdef01234567';
const LINK = `magnet:?xt=urn:btih:${HASH}`;

function refusal(uri: string): string {
  try {
    parseMagnet(uri);
  } catch (error) {
    assert.ok(error instanceof MagnetError, String(error));
    return error.code;
  }
  return 'read';
}

describe('A magnet link', () => {
  it('needs nothing but an info-hash', () => {
    const magnet = parseMagnet(LINK);
    assert.equal(formatInfoHash(magnet.infoHash), HASH);
    assert.deepEqual(magnet, { infoHash: magnet.infoHash, trackers: [], peers: [] });
  });

  it('may have the hash in either case, in base32, and beside one of version 2', () => {
    const same = [
      `MAGNET:?XT=URN:BTIH:${HASH.toUpperCase()}`,
      'magnet:?xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH',
      'magnet:?xt=urn:btih:aerukz4jvpg66ajdivtytk6n54asgrlh',
      `magnet:?dn=x&xt=urn:btmh:1220${'a'.repeat(64)}&xt=urn:btih:${HASH}`,
      `magnet:?xt.1=urn:btih:${HASH}`,
      ` ${LINK}\n`,
    ];
    for (const link of same) assert.equal(formatInfoHash(parseMagnet(link).infoHash), HASH, link);
  });

  it('says name, size, trackers, peers and which files are wanted', () => {
    const magnet = parseMagnet(
      `${LINK}&dn=Big+Buck%20Bunny%E2%80%A6&xl=1024&tr=udp%3A%2F%2Fa%3A1%2Fannounce&tr.2=http://b/&tr=udp://a:1/announce` +
        '&x.pe=127.0.0.1:6881&x.pe=[::1]:6882&x.pe=seeder.example:6883&so=0,2,4,6-8&ws=http://c/&unknown=1&novalue',
    );
    assert.deepEqual(magnet, {
      infoHash: magnet.infoHash,
      name: 'Big Buck Bunny…',
      size: 1024,
      trackers: ['udp://a:1/announce', 'http://b/'],
      peers: [
        { host: '127.0.0.1', port: 6881 },
        { host: '::1', port: 6882 },
        { host: 'seeder.example', port: 6883 },
      ],
      selectOnly: [
        [0, 0],
        [2, 2],
        [4, 4],
        [6, 8],
      ],
    });
  });

  it('loses what is wrong in it, and keeps the rest', () => {
    const magnet = parseMagnet(
      `${LINK}&dn=%ff&dn=a%1b%00b&xl=-5&tr=file:///etc/passwd&tr=%zz&x.pe=host&x.pe=h:0&x.pe=h:65536&x.pe=:1&so=8-6,x,-1`,
    );
    assert.deepEqual(magnet, { infoHash: magnet.infoHash, name: 'ab', trackers: [], peers: [] });
  });

  it('is bounded', () => {
    const many = (text: (i: number) => string) => Array.from({ length: 1000 }, (_, i) => text(i)).join('');
    assert.equal(parseMagnet(LINK + many((i) => `&tr=udp://t:${i}`)).trackers.length, MAX_MAGNET_TRACKERS);
    assert.equal(parseMagnet(LINK + many((i) => `&x.pe=h:${i + 1}`)).peers.length, MAX_MAGNET_PEERS);
    assert.equal(refusal(LINK.padEnd(MAX_MAGNET_CHARACTERS + 1, '&')), 'TOO_LONG');
  });

  it('is refused when it is none or has no hash of version 1', () => {
    assert.equal(refusal('http://a/?xt=urn:btih:'), 'NOT_A_MAGNET');
    assert.equal(refusal('magnet:'), 'NOT_A_MAGNET');
    assert.equal(refusal('magnet:?dn=x'), 'NO_INFO_HASH');
    assert.equal(refusal('magnet:?xt=urn:sha1:x'), 'NO_INFO_HASH');
    assert.equal(refusal('magnet:?xt=urn:btmh:1220aa'), 'UNSUPPORTED_VERSION');
    for (const hash of ['', HASH.slice(1), `${HASH}0`, 'z'.repeat(40), '1'.repeat(32), '!'.repeat(32)]) {
      assert.equal(refusal(`magnet:?xt=urn:btih:${hash}`), 'INVALID_INFO_HASH', hash);
    }
  });

  it('survives being written and read', () => {
    const range = fc.tuple(fc.nat(1e6), fc.nat(1e6)).map(([first, more]): [number, number] => [first, first + more]);
    const magnets = fc.record(
      {
        infoHash: fc.uint8Array({ minLength: 20, maxLength: 20 }),
        name: fc
          .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
          .filter((name) => name.isWellFormed() && !/\p{Cc}/u.test(name)),
        size: fc.maxSafeInteger().map(Math.abs),
        trackers: fc.uniqueArray(fc.webUrl({ withQueryParameters: true, withFragments: true }), { maxLength: 3 }),
        peers: fc.array(
          fc.record({
            host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
            port: fc.integer({ min: 1, max: 65_535 }),
          }),
          { maxLength: 3 },
        ),
        selectOnly: fc.array(range, { minLength: 1, maxLength: 4 }),
      },
      { requiredKeys: ['infoHash', 'trackers', 'peers'], noNullPrototype: true },
    );
    fc.assert(
      fc.property(magnets, (magnet) =>
        assert.deepEqual(parseMagnet(formatMagnet(magnet as Magnet)), structuredClone(magnet)),
      ),
    );
  });

  it('is a magnet or an error, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        (text) => void [refusal(text), refusal(`magnet:?${text}`), refusal(`${LINK}&${text}`)],
      ),
    );
  });
});

describe('An endpoint', () => {
  it('has a host and a port', () => {
    assert.deepEqual(parseEndpoint('[fe80::1]:80'), { host: 'fe80::1', port: 80 });
    for (const text of ['', 'a', 'a:', 'a:b', 'a:0', 'a:65536', '::1:80', '[::1]', 'a b:1', '[x]:1']) {
      assert.equal(parseEndpoint(text), undefined, text);
    }
  });
});
