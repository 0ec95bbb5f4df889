import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BencodeInput, decode, encode } from './bencode.ts';
import { formatIpv4, formatIpv6 } from './compact-peers.ts';
import {
  type AnnounceReply,
  announceReplyRoom,
  encodeAnnounceReply,
  encodeFailure,
  encodeScrapeReply,
  failureRoom,
  scrapeReplyRoom,
  TrackerReplyError,
} from './http-reply.ts';

const count = fc.oneof(fc.nat(20_000), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const peersOf = (peerBytes: number) =>
  fc.array(bytes(peerBytes), { maxLength: 40 }).map((peers) => Uint8Array.from(peers.flatMap((peer) => [...peer])));

const announceReply = fc.record(
  {
    intervalSeconds: count,
    minIntervalSeconds: count,
    complete: count,
    incomplete: count,
    downloaded: count,
    peers: peersOf(6),
    peers6: peersOf(18),
    externalIp: fc.oneof(bytes(4), bytes(16)),
  },
  {
    requiredKeys: ['intervalSeconds', 'minIntervalSeconds', 'complete', 'incomplete', 'downloaded', 'peers', 'peers6'],
  },
);

const EMPTY: AnnounceReply = {
  intervalSeconds: 1800,
  minIntervalSeconds: 60,
  complete: 1,
  incomplete: 2,
  downloaded: 3,
  peers: new Uint8Array(),
  peers6: new Uint8Array(),
};

/** What a function writes into exactly the room that it asks for; the bytes around it must stay. */
function written(offset: number, room: number, write: (out: Uint8Array, offset: number) => number): Uint8Array {
  const buffer = new Uint8Array(offset + room).fill(0xee);
  const end = write(buffer, offset);
  assert.ok(end <= buffer.length, `wrote ${end - offset} bytes into ${room}`);
  assert.ok(buffer.subarray(0, offset).every((byte) => byte === 0xee));
  assert.ok(buffer.subarray(end).every((byte) => byte === 0xee));
  return buffer.slice(offset, end);
}

/** The reply must be what the bencode encoder makes of `expected`, byte by byte: then it is canonical. */
function assertBencoded(actual: Uint8Array, expected: BencodeInput): void {
  assert.doesNotThrow(() => decode(actual));
  assert.deepEqual(actual, encode(expected));
}

function slices(peers: Uint8Array, stride: number): Uint8Array[] {
  return Array.from({ length: peers.length / stride }, (_, i) => peers.subarray(i * stride, (i + 1) * stride));
}

test('an announce reply is written as this text', () => {
  const reply = { ...EMPTY, peers: new TextEncoder().encode('abcdef') };
  const text = new TextDecoder().decode(
    written(0, announceReplyRoom(reply, true), (out, at) => encodeAnnounceReply(out, at, reply, true)),
  );
  assert.equal(
    text,
    'd8:completei1e10:downloadedi3e10:incompletei2e8:intervali1800e12:min intervali60e5:peers6:abcdefe',
  );
});

test('compact, peers are always there and peers6 when there are any', () => {
  fc.assert(
    fc.property(announceReply, fc.nat(30), (reply, offset) => {
      const actual = written(offset, announceReplyRoom(reply, true), (out, at) =>
        encodeAnnounceReply(out, at, reply, true),
      );
      assertBencoded(actual, {
        complete: reply.complete,
        downloaded: reply.downloaded,
        'external ip': reply.externalIp,
        incomplete: reply.incomplete,
        interval: reply.intervalSeconds,
        'min interval': reply.minIntervalSeconds,
        peers: reply.peers,
        peers6: reply.peers6.length > 0 ? reply.peers6 : undefined,
      });
    }),
  );
});

test('not compact, peers of both families are a list of dictionaries with address and port', () => {
  fc.assert(
    fc.property(announceReply, fc.nat(30), (reply, offset) => {
      const actual = written(offset, announceReplyRoom(reply, false), (out, at) =>
        encodeAnnounceReply(out, at, reply, false),
      );
      const port = (peer: Uint8Array) => peer[peer.length - 2] * 256 + peer[peer.length - 1];
      assertBencoded(actual, {
        complete: reply.complete,
        downloaded: reply.downloaded,
        'external ip': reply.externalIp,
        incomplete: reply.incomplete,
        interval: reply.intervalSeconds,
        'min interval': reply.minIntervalSeconds,
        peers: [
          ...slices(reply.peers, 6).map((peer) => ({ ip: formatIpv4(peer), port: port(peer) })),
          ...slices(reply.peers6, 18).map((peer) => ({ ip: formatIpv6(peer), port: port(peer) })),
        ],
      });
    }),
  );
});

test('the longest addresses and numbers fit into the room that is asked for', () => {
  const reply: AnnounceReply = {
    intervalSeconds: Number.MAX_SAFE_INTEGER,
    minIntervalSeconds: Number.MAX_SAFE_INTEGER,
    complete: Number.MAX_SAFE_INTEGER,
    incomplete: Number.MAX_SAFE_INTEGER,
    downloaded: Number.MAX_SAFE_INTEGER,
    peers: new Uint8Array(600).fill(0xff),
    peers6: new Uint8Array(1800).fill(0xff),
    externalIp: new Uint8Array(16),
  };
  for (const compact of [true, false]) {
    written(0, announceReplyRoom(reply, compact), (out, at) => encodeAnnounceReply(out, at, reply, compact));
  }
  const { complete, downloaded, incomplete } = reply;
  const entries = [1, 2, 3].map((i) => ({ infoHash: new Uint8Array(20).fill(i), complete, downloaded, incomplete }));
  written(0, scrapeReplyRoom(entries), (out, at) => encodeScrapeReply(out, at, entries));
});

test('a scrape reply has its info-hashes sorted, each once', () => {
  const entry = fc.record({
    // Few different bytes, so that common prefixes and duplicates occur.
    infoHash: fc.uint8Array({ minLength: 20, maxLength: 20, max: 1 }),
    complete: count,
    downloaded: count,
    incomplete: count,
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 80 }), fc.nat(30), (entries, offset) => {
      const withTwin = entries.concat(entries.slice(0, 1));
      const actual = written(offset, scrapeReplyRoom(withTwin), (out, at) => encodeScrapeReply(out, at, withTwin));
      const files = new Map<string, BencodeInput>();
      for (const { infoHash, complete, downloaded, incomplete } of entries) {
        const key = String.fromCharCode(...infoHash);
        if (!files.has(key)) files.set(key, { complete, downloaded, incomplete });
      }
      assertBencoded(actual, { files });
    }),
  );
});

test('a failure has its reason in UTF-8 and when to retry', () => {
  const retryIn = fc.oneof(fc.constant('never' as const), count, fc.constant(undefined));
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), retryIn, fc.nat(30), (reason, retry, offset) => {
      const actual = written(offset, failureRoom(reason), (out, at) => encodeFailure(out, at, reason, retry));
      assertBencoded(actual, { 'failure reason': reason, 'retry in': retry });
    }),
  );
});

test('with too little room nothing is written', () => {
  const reply = { ...EMPTY, peers: new Uint8Array(60) };
  const writers: [number, (out: Uint8Array) => number][] = [
    [announceReplyRoom(reply, true), (out) => encodeAnnounceReply(out, 0, reply, true)],
    [announceReplyRoom(reply, false), (out) => encodeAnnounceReply(out, 0, reply, false)],
    [scrapeReplyRoom([]), (out) => encodeScrapeReply(out, 0, [])],
    [failureRoom('no'), (out) => encodeFailure(out, 0, 'no')],
  ];
  for (const [room, write] of writers) {
    const out = new Uint8Array(room - 1);
    assert.throws(() => write(out), { name: 'TrackerReplyError', code: 'NO_ROOM' });
    assert.ok(out.every((byte) => byte === 0));
  }
});

test('a reply that would not be well-formed is refused', () => {
  const out = new Uint8Array(4096);
  const announce = (change: Partial<AnnounceReply>) => () => encodeAnnounceReply(out, 0, { ...EMPTY, ...change }, true);
  const entry = { infoHash: new Uint8Array(19), complete: 0, downloaded: 0, incomplete: 0 };
  for (const write of [
    announce({ peers: new Uint8Array(7) }),
    announce({ peers6: new Uint8Array(6) }),
    announce({ externalIp: new Uint8Array(5) }),
    announce({ complete: -1 }),
    announce({ intervalSeconds: 0.5 }),
    announce({ downloaded: Number.NaN }),
    () => encodeScrapeReply(out, 0, [entry]),
    () => encodeFailure(out, 0, 'no', -1),
  ]) {
    assert.throws(write, (error) => error instanceof TrackerReplyError && error.code === 'INVALID_REPLY');
  }
});
