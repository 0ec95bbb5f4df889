import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as bep15 from './bep15.ts';
import { readUrlData } from './bep41.ts';
import { type AddressFamily, formatIpv4, formatIpv6, writeCompactPeer } from './compact-peers.ts';

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const u64 = fc.bigInt(0n, (1n << 64n) - 1n);
const bytes20 = fc.uint8Array({ minLength: 20, maxLength: 20 });
const offset = fc.nat(40);

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Runs a server-side writer at an offset of a larger buffer and returns what it wrote; nothing around it may change. */
function written(at: number, write: (view: DataView, offset: number) => number): Uint8Array {
  const buffer = new Uint8Array(at + 4096).fill(0xee);
  const length = write(viewOf(buffer), at);
  assert.ok(buffer.subarray(0, at).every((byte) => byte === 0xee));
  assert.ok(buffer.subarray(at + length).every((byte) => byte === 0xee));
  return buffer.slice(at, at + length);
}

function classify(request: Uint8Array, at = 0): number {
  const buffer = new Uint8Array(at + request.length);
  buffer.set(request, at);
  return bep15.classifyRequest(viewOf(buffer), at, request.length);
}

const announceRequest = fc.record(
  {
    connectionId: u64,
    transactionId: u32,
    infoHash: bytes20,
    peerId: bytes20,
    downloaded: u64,
    left: u64,
    uploaded: u64,
    event: fc.nat(3),
    ip: u32,
    key: u32,
    numWant: fc.integer({ min: -1, max: 0x7fffffff }),
    port: u16,
    urlData: fc.string({ unit: 'binary-ascii', maxLength: 600 }),
  },
  { requiredKeys: ['connectionId', 'transactionId', 'infoHash', 'peerId', 'downloaded', 'left', 'uploaded', 'port'] },
);

test('a connect request is the 16 bytes of BEP 15', () => {
  assert.deepEqual(
    bep15.encodeConnectRequest(0xdeadbeef),
    Uint8Array.of(0, 0, 0x04, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef),
  );
});

test('an announce request has every field at its offset, and is classified as one', () => {
  fc.assert(
    fc.property(announceRequest, offset, (request, at) => {
      const bytes = bep15.encodeAnnounceRequest(request);
      const view = viewOf(bytes);
      assert.equal(view.getBigUint64(bep15.REQUEST_CONNECTION_ID), request.connectionId);
      assert.equal(view.getUint32(bep15.REQUEST_ACTION), bep15.ACTION_ANNOUNCE);
      assert.equal(view.getUint32(bep15.REQUEST_TRANSACTION_ID), request.transactionId);
      assert.deepEqual(
        bytes.slice(bep15.ANNOUNCE_INFO_HASH, bep15.ANNOUNCE_INFO_HASH + 20),
        Uint8Array.from(request.infoHash),
      );
      assert.deepEqual(
        bytes.slice(bep15.ANNOUNCE_PEER_ID, bep15.ANNOUNCE_PEER_ID + 20),
        Uint8Array.from(request.peerId),
      );
      assert.equal(view.getBigUint64(bep15.ANNOUNCE_DOWNLOADED), request.downloaded);
      assert.equal(view.getBigUint64(bep15.ANNOUNCE_LEFT), request.left);
      assert.equal(view.getBigUint64(bep15.ANNOUNCE_UPLOADED), request.uploaded);
      assert.equal(view.getUint32(bep15.ANNOUNCE_EVENT), request.event ?? bep15.EVENT_NONE);
      assert.equal(view.getUint32(bep15.ANNOUNCE_IP), request.ip ?? 0);
      assert.equal(view.getUint32(bep15.ANNOUNCE_KEY), request.key ?? 0);
      assert.equal(view.getInt32(bep15.ANNOUNCE_NUM_WANT), request.numWant ?? -1);
      assert.equal(view.getUint16(bep15.ANNOUNCE_PORT), request.port);
      assert.equal(readUrlData(bytes, bep15.ANNOUNCE_OPTIONS, bytes.length), request.urlData || undefined);
      assert.equal(classify(bytes, at), bep15.REQUEST_ANNOUNCE);
    }),
  );
});

test('an announce without options has 98 bytes; longer ones are valid, shorter ones malformed', () => {
  const zero = { downloaded: 0n, left: 0n, uploaded: 0n, port: 1 };
  const hash = new Uint8Array(20);
  const plain = bep15.encodeAnnounceRequest({
    ...zero,
    connectionId: 1n,
    transactionId: 2,
    infoHash: hash,
    peerId: hash,
  });
  assert.equal(plain.length, bep15.ANNOUNCE_REQUEST_BYTES);
  assert.equal(classify(Uint8Array.from([...plain, 0, 0])), bep15.REQUEST_ANNOUNCE, 'aria2 sends two stray bytes');
  assert.equal(classify(plain.subarray(0, 97)), bep15.REQUEST_MALFORMED);
});

test('a scrape request names 1 to 74 info-hashes', () => {
  fc.assert(
    fc.property(fc.array(bytes20, { maxLength: 80 }), u64, u32, (infoHashes, connectionId, transactionId) => {
      const encode = () => bep15.encodeScrapeRequest({ connectionId, transactionId, infoHashes });
      if (infoHashes.length < 1 || infoHashes.length > bep15.MAX_SCRAPE_HASHES) {
        assert.throws(encode, { name: 'UdpTrackerError', code: 'INVALID_REQUEST' });
        return;
      }
      const bytes = encode();
      assert.equal(classify(bytes), bep15.REQUEST_SCRAPE);
      assert.equal(viewOf(bytes).getUint32(bep15.REQUEST_TRANSACTION_ID), transactionId);
      assert.deepEqual(
        [...bytes.subarray(bep15.SCRAPE_INFO_HASHES)],
        infoHashes.flatMap((hash) => [...hash]),
      );
      assert.equal(classify(bytes.subarray(0, -1)), bep15.REQUEST_MALFORMED);
    }),
  );
  const header = new Uint8Array(bep15.SCRAPE_REQUEST_HEADER_BYTES + 75 * 20);
  viewOf(header).setUint32(bep15.REQUEST_ACTION, bep15.ACTION_SCRAPE);
  assert.equal(classify(header), bep15.REQUEST_MALFORMED, '75 info-hashes');
  assert.equal(classify(header.subarray(0, 16)), bep15.REQUEST_MALFORMED, 'no info-hash');
});

test('a connect needs the protocol ID; other bytes behind it are tolerated', () => {
  const connect = bep15.encodeConnectRequest(7);
  assert.equal(classify(connect, 5), bep15.REQUEST_CONNECT);
  assert.equal(classify(Uint8Array.from([...connect, 1, 2, 3])), bep15.REQUEST_CONNECT);
  assert.equal(classify(connect.subarray(0, 15)), bep15.REQUEST_MALFORMED);
  for (let i = 0; i < 8; i++) {
    const wrong = connect.slice();
    wrong[i] ^= 1;
    assert.equal(classify(wrong), bep15.REQUEST_MALFORMED);
  }
});

test('any datagram is classified without an exception, and only by its own bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(4), offset, (bytes, action, at) => {
      if (bytes.length >= 16) viewOf(bytes).setUint32(bep15.REQUEST_ACTION, action);
      const kind = classify(bytes, at);
      assert.ok([bep15.REQUEST_MALFORMED, bep15.REQUEST_ANNOUNCE, bep15.REQUEST_SCRAPE].includes(kind));
      if (kind === bep15.REQUEST_ANNOUNCE) assert.ok(action === 1 && bytes.length >= 98);
      if (kind === bep15.REQUEST_SCRAPE) assert.ok(action === 2 && bytes.length % 20 === 16);
    }),
  );
});

test('what the server writes is what the client reads: connect, in exactly 16 bytes', () => {
  fc.assert(
    fc.property(u32, u64, offset, (transactionId, connectionId, at) => {
      const [high, low] = [Number(connectionId >> 32n), Number(connectionId & 0xffffffffn)];
      const reply = written(at, (view, start) => bep15.writeConnectReply(view, start, transactionId, high, low));
      assert.equal(reply.length, 16);
      assert.deepEqual(bep15.parseReply(reply, 4), { action: 'connect', transactionId, connectionId });
    }),
  );
});

test('what the server writes is what the client reads: announce, with peers of both families', () => {
  const peersOf = (bytes: number) =>
    fc.array(fc.tuple(fc.uint8Array({ minLength: bytes, maxLength: bytes }), u16), { maxLength: 50 });
  const reply = fc.oneof(
    fc.tuple(fc.constant<AddressFamily>(4), peersOf(4)),
    fc.tuple(fc.constant<AddressFamily>(6), peersOf(16)),
  );
  fc.assert(
    fc.property(
      reply,
      u32,
      u32,
      u32,
      u32,
      offset,
      ([family, peers], transactionId, interval, leechers, seeders, at) => {
        const bytes = written(at, (view, start) => {
          let end = start + bep15.writeAnnounceReplyHeader(view, start, transactionId, interval, leechers, seeders);
          const out = new Uint8Array(view.buffer);
          for (const [ip, port] of peers) end = writeCompactPeer(out, end, ip, port);
          return end - start;
        });
        const format = family === 4 ? formatIpv4 : formatIpv6;
        assert.deepEqual(bep15.parseReply(bytes, family), {
          action: 'announce',
          transactionId,
          intervalSeconds: interval,
          leechers,
          seeders,
          peers: peers.map(([ip, port]) => ({ host: format(ip), port })),
        });
      },
    ),
  );
});

test('what the server writes is what the client reads: scrape', () => {
  const entry = fc.record({ seeders: u32, completed: u32, leechers: u32 });
  fc.assert(
    fc.property(u32, fc.array(entry, { maxLength: 74 }), offset, (transactionId, entries, at) => {
      const bytes = written(at, (view, start) => {
        let length = bep15.writeScrapeReplyHeader(view, start, transactionId);
        for (const { seeders, completed, leechers } of entries) {
          length += bep15.writeScrapeEntry(view, start + length, seeders, completed, leechers);
        }
        return length;
      });
      const reply = bep15.parseReply(bytes, 4);
      assert.deepEqual(reply, { action: 'scrape', transactionId, entries: entries.map((e) => ({ ...e })) });
    }),
  );
});

test('what the server writes is what the client reads: error', () => {
  fc.assert(
    fc.property(u32, fc.string({ unit: 'grapheme', maxLength: 100 }), offset, (transactionId, message, at) => {
      fc.pre(!message.startsWith('\ufeff'));
      const bytes = written(at, (view, start) =>
        bep15.writeErrorReply(view, start, transactionId, new TextEncoder().encode(message)),
      );
      assert.deepEqual(bep15.parseReply(bytes, 6), { action: 'error', transactionId, message });
    }),
  );
});

test('arbitrary bytes are a reply or a UdpTrackerError, nothing else', () => {
  const reply = fc.tuple(fc.nat(4), fc.uint8Array({ maxLength: 120 })).map(([action, bytes]) => {
    if (bytes.length >= 4) viewOf(bytes).setUint32(0, action);
    return bytes;
  });
  fc.assert(
    fc.property(reply, fc.constantFrom<AddressFamily>(4, 6), (bytes, family) => {
      try {
        bep15.parseReply(bytes, family);
      } catch (error) {
        assert.ok(error instanceof bep15.UdpTrackerError && error.code === 'MALFORMED_REPLY', String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('an info-hash or peer ID of a wrong length is refused before it is sent', () => {
  const request = { connectionId: 0n, transactionId: 0, downloaded: 0n, left: 0n, uploaded: 0n, port: 1 };
  const good = new Uint8Array(20);
  const bad = new Uint8Array(19);
  for (const [infoHash, peerId] of [
    [good, bad],
    [bad, good],
  ]) {
    assert.throws(() => bep15.encodeAnnounceRequest({ ...request, infoHash, peerId }), bep15.UdpTrackerError);
  }
});
