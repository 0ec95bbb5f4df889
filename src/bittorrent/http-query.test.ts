import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatContentQuery, MAX_CONTENT_NAME_BYTES } from './content-query.ts';
import {
  type AnnounceQuery,
  MAX_ANNOUNCE_QUERY_LENGTH,
  MAX_HTTP_SCRAPE_HASHES,
  MAX_SCRAPE_QUERY_LENGTH,
  parseAnnounceQuery,
  parseScrapeQuery,
  TrackerRequestError,
  UNKNOWN_LEFT,
} from './http-query.ts';
import { percentEncode } from './percent-encoding.ts';

const HASH = Uint8Array.from({ length: 20 }, (_, i) => i * 13);
const PEER_ID = Uint8Array.from({ length: 20 }, (_, i) => 255 - i);
const REQUIRED = `info_hash=${percentEncode(HASH)}&peer_id=${percentEncode(PEER_ID)}&port=6881`;

const DEFAULTS: AnnounceQuery = {
  infoHash: HASH,
  peerId: PEER_ID,
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: UNKNOWN_LEFT,
  event: 'none',
  compact: true,
  noPeerId: false,
  numWant: undefined,
  key: undefined,
  trackerId: undefined,
  ip: undefined,
  ipv6: undefined,
  name: undefined,
  size: undefined,
};

function parse(more: string): AnnounceQuery {
  return parseAnnounceQuery(`${REQUIRED}&${more}`);
}

function failure(query: string): string {
  try {
    parseAnnounceQuery(query);
  } catch (error) {
    assert.ok(error instanceof TrackerRequestError, String(error));
    return error.message;
  }
  return assert.fail(`no failure: ${query}`);
}

test('the least announce has an info-hash, a peer ID and a port', () => {
  assert.deepEqual(parseAnnounceQuery(REQUIRED), DEFAULTS);
  assert.deepEqual(parseAnnounceQuery(`/announce?${REQUIRED}`, 10), DEFAULTS);
  for (const missing of ['info_hash', 'peer_id', 'port']) {
    const rest = REQUIRED.split('&').filter((field) => !field.startsWith(missing));
    assert.equal(failure(rest.join('&')), `${missing} is missing`);
  }
  assert.match(failure(''), /missing/);
});

test('the announces of known clients are understood', () => {
  const infoHash = Uint8Array.from('\x12\x34\x56x\x9a\xbc\xde\xf1\x23Eg\x89\xab\xcd\xef\x124Vx\x9a', (c) =>
    c.charCodeAt(0),
  );
  const escaped = '%12%34Vx%9a%bc%de%f1%23Eg%89%ab%cd%ef%124Vx%9a';
  const peerId = new TextEncoder().encode('-qB4500-abcdefghijkl');
  assert.deepEqual(
    parseAnnounceQuery(
      `info_hash=${escaped}&peer_id=-qB4500-abcdefghijkl&port=6881&uploaded=0&downloaded=1234567&left=9876543210` +
        '&corrupt=0&key=D662A77D&event=started&numwant=200&compact=1&no_peer_id=1&supportcrypto=1&redundant=0',
    ),
    {
      ...DEFAULTS,
      infoHash,
      peerId,
      downloaded: 1234567,
      left: 9876543210,
      key: 'D662A77D',
      event: 'started',
      numWant: 200,
      noPeerId: true,
    },
  );
});

test('every field survives being written as a query in any order, among unknown keys', () => {
  const id = fc.uint8Array({ minLength: 20, maxLength: 20 });
  const text = fc.string({ unit: fc.nat(0xff).map((code) => String.fromCharCode(code)), maxLength: 60 });
  const latin1 = (value: string) => percentEncode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
  const name = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((value) => !/\p{Cc}/u.test(value) && new TextEncoder().encode(value).length <= MAX_CONTENT_NAME_BYTES);
  const fields = fc.record({
    info_hash: id,
    peer_id: id,
    port: fc.nat(0xffff),
    uploaded: fc.maxSafeNat(),
    downloaded: fc.maxSafeNat(),
    left: fc.maxSafeNat(),
    event: fc.constantFrom('none' as const, 'started' as const, 'completed' as const, 'stopped' as const),
    compact: fc.boolean(),
    no_peer_id: fc.boolean(),
    numwant: fc.nat(),
    key: text,
    trackerid: text,
    ip: text,
    ipv6: text,
    name,
    size: fc.maxSafeNat(),
  });
  fc.assert(
    fc.property(fields, fc.array(fc.nat(20), { maxLength: 6 }), fc.infiniteStream(fc.nat()), (f, junk, order) => {
      const query = [
        `info_hash=${percentEncode(f.info_hash)}`,
        `peer_id=${percentEncode(f.peer_id)}`,
        `port=${f.port}`,
        `uploaded=${f.uploaded}`,
        `downloaded=${f.downloaded}`,
        `left=${f.left}`,
        `event=${f.event === 'none' ? '' : f.event}`,
        `compact=${Number(f.compact)}`,
        `no_peer_id=${Number(f.no_peer_id)}`,
        `numwant=${f.numwant}`,
        `key=${latin1(f.key)}`,
        `trackerid=${latin1(f.trackerid)}`,
        `ip=${latin1(f.ip)}`,
        `ipv6=${latin1(f.ipv6)}`,
        ...formatContentQuery({ name: f.name, size: f.size }).slice(1).split('&'),
        ...junk.map((length) => `${'z'.repeat(length)}=%zz`),
      ];
      for (let i = query.length - 1; i > 0; i--) {
        const j = order.next().value % (i + 1);
        [query[i], query[j]] = [query[j], query[i]];
      }
      assert.deepEqual(parseAnnounceQuery(query.join('&')), {
        infoHash: Uint8Array.from(f.info_hash),
        peerId: Uint8Array.from(f.peer_id),
        port: f.port,
        uploaded: f.uploaded,
        downloaded: f.downloaded,
        left: f.left,
        event: f.event,
        compact: f.compact,
        noPeerId: f.no_peer_id,
        numWant: f.numwant,
        key: f.key,
        trackerId: f.trackerid,
        ip: f.ip,
        ipv6: f.ipv6,
        name: f.name,
        size: f.size,
      } satisfies AnnounceQuery);
    }),
  );
});

test('an info-hash or peer ID must come to exactly 20 bytes by exact percent-decoding', () => {
  const rest = REQUIRED.slice(REQUIRED.indexOf('&'));
  assert.match(failure(`info_hash=${'a'.repeat(19)}${rest}`), /info_hash must be 20 bytes.*got 19/);
  assert.match(failure(`info_hash=${'a'.repeat(21)}${rest}`), /info_hash must be 20 bytes.*got more/);
  assert.match(failure(`info_hash=${rest}`), /info_hash must be 20 bytes.*got 0/);
  assert.match(failure(`info_hash${rest}`), /info_hash must be 20 bytes.*got 0/);
  assert.match(failure(`info_hash=%4${'a'.repeat(19)}%${rest}`), /bad percent-escape/);
  assert.match(failure(`info_hash=\u0141${'a'.repeat(19)}${rest}`), /bad percent-escape/);
  const plus = parseAnnounceQuery(`info_hash=${'+'.repeat(20)}${rest}`);
  assert.deepEqual(plus.infoHash, new Uint8Array(20).fill(0x2b));
});

test('a known key given twice is a failure, an unknown one, a name or a size is not', () => {
  const keys = ['uploaded=1', 'left=2', 'event=', 'compact=1', 'no_peer_id=1', 'numwant=1', 'key=a', 'ip=1'];
  for (const field of [...REQUIRED.split('&'), ...keys]) {
    const name = field.slice(0, field.indexOf('='));
    const query = keys.includes(field) ? `${REQUIRED}&${field}&${field}` : `${REQUIRED}&${field}`;
    assert.equal(failure(query), `${name} is given more than once`);
  }
  assert.deepEqual(parse('x=1&x=2&name=a&name=b&size=1&size=2'), { ...DEFAULTS, name: 'a', size: 1 });
});

test('numbers are plain decimals; larger than a safe integer they saturate', () => {
  for (const key of ['uploaded', 'downloaded', 'left']) {
    for (const bad of ['', '-2', '+1', '1.0', '0x1', '%31', ' 1', '1'.repeat(21)]) {
      assert.match(failure(`${REQUIRED}&${key}=${bad}`), new RegExp(`^${key} must be a whole number`));
    }
    assert.equal(parse(`${key}=18446744073709551615`)[key as 'left'], Number.MAX_SAFE_INTEGER);
  }
  assert.match(failure(`${REQUIRED.slice(0, -4)}65536`), /port is above 65535/);
  assert.equal(parseAnnounceQuery(`${REQUIRED.slice(0, -4)}65535`).port, 65535);
  assert.equal(parseAnnounceQuery(`${REQUIRED.slice(0, -4)}0`).port, 0);
});

test('numwant=-1 leaves the number to the tracker and left=-1 is unknown; other negatives are failures', () => {
  assert.equal(parse('numwant=-1').numWant, undefined);
  assert.equal(parse('numwant=0').numWant, 0);
  assert.match(failure(`${REQUIRED}&numwant=-2`), /numwant/);
  assert.equal(parse('left=-1').left, UNKNOWN_LEFT);
  assert.match(failure(`${REQUIRED}&uploaded=-1`), /uploaded/);
});

test('events are those of BEP 3, and paused (BEP 21) is none', () => {
  for (const event of ['started', 'stopped', 'completed'] as const) assert.equal(parse(`event=${event}`).event, event);
  for (const none of ['event=', 'event=paused', 'event']) assert.equal(parse(none).event, 'none');
  for (const unknown of ['Started', 'start', 'startedx', 'xxxxxxx', 'xxxxxx', 'xxxxxxxxx']) {
    assert.match(failure(`${REQUIRED}&event=${unknown}`), /^event must be/);
  }
});

test('flags are 0 or 1, and compact is the default', () => {
  assert.equal(parse('compact=0').compact, false);
  assert.equal(parse('compact=1').compact, true);
  for (const bad of ['compact=', 'compact=2', 'no_peer_id=true', 'compact=11']) {
    assert.match(failure(`${REQUIRED}&${bad}`), /must be 0 or 1/);
  }
});

test('an invalid content name or size is ignored', () => {
  assert.deepEqual(parse('name=%ff&size=-1'), DEFAULTS);
});

test('a query or a text value beyond its bound is a failure', () => {
  assert.match(failure(`${REQUIRED}&key=${'a'.repeat(256)}`), /key has more than 255 bytes/);
  assert.match(failure(`${REQUIRED}&x=${'a'.repeat(MAX_ANNOUNCE_QUERY_LENGTH)}`), /at most 4096/);
  assert.throws(() => parseScrapeQuery('a'.repeat(MAX_SCRAPE_QUERY_LENGTH + 1)), TrackerRequestError);
});

test('a scrape gives its info-hashes in order', () => {
  const hashes = fc.array(fc.uint8Array({ minLength: 20, maxLength: 20 }), {
    minLength: 1,
    maxLength: MAX_HTTP_SCRAPE_HASHES,
  });
  fc.assert(
    fc.property(hashes, (infoHashes) => {
      const query = infoHashes.map((hash) => `info_hash=${percentEncode(hash)}`).join('&');
      assert.deepEqual(
        parseScrapeQuery(`/scrape?${query}&x=1`, 8),
        infoHashes.map((hash) => Uint8Array.from(hash)),
      );
    }),
  );
});

test('the longest allowed scrape, every byte escaped, fits, and one info-hash more is a failure', () => {
  const field = `info_hash=${'%ff'.repeat(20)}`;
  const most = Array(MAX_HTTP_SCRAPE_HASHES).fill(field);
  assert.equal(parseScrapeQuery(most.join('&')).length, MAX_HTTP_SCRAPE_HASHES);
  assert.throws(() => parseScrapeQuery([...most, field].join('&')), /at most 100 info-hashes/);
});

test('a scrape without an info-hash, or with a malformed one, is a failure', () => {
  for (const query of ['', 'x=1', 'info_hash=', 'info_hash=abc', `${REQUIRED}&info_hash=%`]) {
    assert.throws(() => parseScrapeQuery(query), TrackerRequestError, query);
  }
});

test('arbitrary queries are parsed or are a TrackerRequestError, nothing else', () => {
  const piece = fc.constantFrom(
    'info_hash=',
    'peer_id=',
    'port=',
    'numwant=',
    'event=',
    'name=',
    'size=',
    '&',
    '=',
    '%',
    '-1',
    '7',
  );
  const query = fc
    .tuple(fc.boolean(), fc.array(fc.oneof(piece, fc.string({ unit: 'binary', maxLength: 22 })), { maxLength: 30 }))
    .map(([valid, parts]) => (valid ? `${REQUIRED}&` : '') + parts.join(''));
  fc.assert(
    fc.property(query, (text) => {
      for (const parser of [parseAnnounceQuery, parseScrapeQuery]) {
        try {
          parser(text);
        } catch (error) {
          assert.ok(error instanceof TrackerRequestError, String(error));
        }
      }
    }),
    { numRuns: 3000 },
  );
});
