import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type BencodeInput, encode } from './bencode.ts';
import { parseAnnounceQuery } from './http-query.ts';
import { announceReplyRoom, encodeAnnounceReply } from './http-reply.ts';
import {
  announceUrl,
  DEFAULT_INTERVAL_SECONDS,
  type HttpAnnounce,
  HttpTrackerError,
  MAX_INTERVAL_SECONDS,
  MAX_REPLY_PEERS,
  parseAnnounceReply,
} from './http-tracker-client.ts';

const announce: HttpAnnounce = {
  infoHash: Uint8Array.from({ length: 20 }, (_, i) => i * 13),
  peerId: new TextEncoder().encode('-SK0001-abcdefghijkl'),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
};
const reply = (fields: { [key: string]: BencodeInput }) => parseAnnounceReply(encode(fields));

function refusal(act: () => unknown): { code: string; retry: number | string | undefined; message: string } {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof HttpTrackerError, String(error));
    return { code: error.code, retry: error.retryAfterSeconds, message: error.message };
  }
  return { code: 'read', retry: undefined, message: '' };
}

describe('The URL of an announce', () => {
  it('is what the tracker reads', () => {
    const url = announceUrl('http://tracker:6969/announce', {
      ...announce,
      event: 'started',
      numWant: 50,
      key: 0xfeedbeef,
      content: { name: 'a & b', size: 5 },
    });
    assert.ok(url.startsWith('http://tracker:6969/announce?'));
    const query = parseAnnounceQuery(url.slice(url.indexOf('?') + 1));
    assert.deepEqual(query.infoHash, announce.infoHash);
    assert.deepEqual(query.peerId, announce.peerId);
    assert.equal(query.port, 6881);
    assert.equal(Number(query.left), 3);
  });

  it('keeps the query that the tracker has, and only addresses of HTTP', () => {
    assert.ok(announceUrl('https://t/a?passkey=x', announce).startsWith('https://t/a?passkey=x&info_hash=%00%0D'));
    assert.ok(announceUrl('http://t/a?', announce).startsWith('http://t/a?info_hash='));
    assert.ok(announceUrl('http://t/a#part', announce).startsWith('http://t/a?info_hash='));
    for (const url of ['udp://t:1', 'file:///x', '', 'http://']) {
      assert.equal(refusal(() => announceUrl(url, announce)).code, 'INVALID_URL', url);
    }
  });
});

describe("A tracker's reply", () => {
  it('of ours is read, compact or not', () => {
    const sent = {
      intervalSeconds: 120,
      minIntervalSeconds: 60,
      complete: 5,
      incomplete: 6,
      downloaded: 7,
      peers: Uint8Array.of(127, 0, 0, 1, 0x1a, 0xe1),
      peers6: Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x1a, 0xe2),
      externalIp: Uint8Array.of(192, 0, 2, 1),
    };
    for (const compact of [true, false]) {
      const body = new Uint8Array(announceReplyRoom(sent, compact));
      const end = encodeAnnounceReply(body, 0, sent, compact);
      assert.deepEqual(parseAnnounceReply(body.subarray(0, end)), {
        intervalSeconds: 120,
        minIntervalSeconds: 60,
        peers: [
          { host: '127.0.0.1', port: 6881 },
          { host: '2001:db8::1', port: 6882 },
        ],
        seeders: 5,
        leechers: 6,
        trackerId: undefined,
        warning: undefined,
        externalHost: '192.0.2.1',
      });
    }
  });

  it('may have its keys in any order, as those of chihaya do', () => {
    const body = new TextEncoder().encode('d8:intervali60e5:peers0:8:completei1e10:incompletei2ee');
    const { intervalSeconds, seeders, leechers } = parseAnnounceReply(body);
    assert.deepEqual([intervalSeconds, seeders, leechers], [60, 1, 2]);
  });

  it('may leave out all it likes', () => {
    const { intervalSeconds, peers, warning } = reply({});
    assert.deepEqual([intervalSeconds, peers, warning], [DEFAULT_INTERVAL_SECONDS, [], undefined]);
    assert.equal(reply({ interval: -5 }).intervalSeconds, DEFAULT_INTERVAL_SECONDS);
    assert.equal(reply({ interval: 2 ** 50 }).intervalSeconds, MAX_INTERVAL_SECONDS);
    assert.equal(reply({ 'warning message': 'a\u001b[2Jb' }).warning, 'a [2Jb');
    assert.deepEqual(reply({ 'tracker id': 'x' }).trackerId, Uint8Array.of(0x78));
  });

  it('loses peers without an address or a port, and those beyond the bound', () => {
    const peers = [
      { ip: '127.0.0.1', port: 1 },
      { ip: 'tracker.example', port: 1 },
      { ip: '::1', port: 0 },
      { port: 1 },
      5,
    ];
    assert.deepEqual(reply({ peers }).peers, [{ host: '127.0.0.1', port: 1 }]);
    assert.deepEqual(reply({ peers: new Uint8Array(6) }).peers, []);
    assert.equal(reply({ peers: new Uint8Array(60_000).fill(1) }).peers.length, MAX_REPLY_PEERS);
  });

  it('that refuses says why, and when to ask again', () => {
    const refused = (fields: { [key: string]: BencodeInput }) =>
      refusal(() => reply({ 'failure reason': 'no', ...fields }));
    assert.deepEqual(refused({}), { code: 'REFUSED', retry: undefined, message: 'the tracker refused: no' });
    assert.equal(refused({ 'retry in': 2 }).retry, 120);
    assert.equal(refused({ 'retry in': '2' }).retry, 120);
    assert.equal(refused({ 'retry in': 'never' }).retry, 'never');
    assert.equal(refused({ 'retry in': 'soon' }).retry, undefined);
    assert.equal(refused({ 'retry in': [] }).retry, undefined);
  });

  it('is a reply or an error, whatever the bytes', () => {
    assert.equal(refusal(() => parseAnnounceReply(new TextEncoder().encode('<html>'))).code, 'MALFORMED_REPLY');
    assert.equal(refusal(() => reply({ peers: new Uint8Array(7) })).code, 'MALFORMED_REPLY');
    assert.equal(refusal(() => reply({ peers: 7 })).code, 'MALFORMED_REPLY');
    const good = encode({
      interval: 5,
      peers: [{ ip: '127.0.0.1', port: 1 }],
      peers6: new Uint8Array(18),
      'tracker id': 'x',
    });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const bytes = good.slice();
        bytes[at] = byte;
        refusal(() => parseAnnounceReply(bytes));
      }),
    );
  });
});
