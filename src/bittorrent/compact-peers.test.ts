import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  CompactPeersError,
  formatIpv4,
  formatIpv6,
  IPV4_PEER_BYTES,
  IPV6_PEER_BYTES,
  parseIp,
  readCompactPeers,
  writeCompactPeer,
} from './compact-peers.ts';

const ipv4Bytes = fc.uint8Array({ minLength: 4, maxLength: 4 });
/** Many zero groups, so that '::' is exercised in every place. */
const ipv6Bytes = fc
  .array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff])));
const port = fc.nat(0xffff);

/** What the URL parser of the WHATWG, an independent implementation of RFC 5952 but for mapped addresses, writes. */
function ipv6AsUrlHost(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

test('compact IPv4 peers are 6 bytes in network order', () => {
  const bytes = new Uint8Array(IPV4_PEER_BYTES);
  assert.equal(writeCompactPeer(bytes, 0, Uint8Array.of(192, 0, 2, 7), 6881), 6);
  assert.deepEqual(bytes, Uint8Array.of(192, 0, 2, 7, 0x1a, 0xe1));
  assert.deepEqual(readCompactPeers(bytes, 4), [{ host: '192.0.2.7', port: 6881 }]);
});

test('writing peers and reading them back gives the same peers, for both families', () => {
  for (const [family, ip, stride] of [
    [4, ipv4Bytes, IPV4_PEER_BYTES],
    [6, ipv6Bytes, IPV6_PEER_BYTES],
  ] as const) {
    fc.assert(
      fc.property(fc.array(fc.tuple(ip, port), { maxLength: 20 }), (peers) => {
        const bytes = new Uint8Array(peers.length * stride);
        let end = 0;
        for (const [address, peerPort] of peers) end = writeCompactPeer(bytes, end, address, peerPort);
        assert.equal(end, bytes.length);
        const format = family === 4 ? formatIpv4 : formatIpv6;
        assert.deepEqual(
          readCompactPeers(bytes, family),
          peers.map(([address, peerPort]) => ({ host: format(address), port: peerPort })),
        );
      }),
    );
  }
});

test('a broken last peer is a CompactPeersError', () => {
  assert.throws(() => readCompactPeers(new Uint8Array(7), 4), CompactPeersError);
  assert.throws(() => readCompactPeers(new Uint8Array(6), 6), CompactPeersError);
});

test('addresses survive the way to text and back, IPv4-mapped ones as IPv4', () => {
  fc.assert(fc.property(ipv4Bytes, (bytes) => assert.deepEqual(parseIp(formatIpv4(bytes)), bytes)));
  fc.assert(
    fc.property(ipv6Bytes, (bytes) => {
      const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
      assert.deepEqual(parseIp(formatIpv6(bytes)), mapped ? bytes.slice(12) : bytes);
    }),
  );
});

test('IPv6 text is canonical as RFC 5952 says', () => {
  const cases: [string, string][] = [
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['2001:DB8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:1:1:1:1:0:0', '::1:1:1:1:0:0'],
    ['1:1:1:1:1:1:0:0', '1:1:1:1:1:1::'],
    ['0:1:1:1:1:1:1:0', '0:1:1:1:1:1:1:0'],
  ];
  for (const [text, canonical] of cases) assert.equal(formatIpv6(parseIp(text)!), canonical);
  fc.assert(
    fc.property(ipv6Bytes, (bytes) => {
      const text = formatIpv6(bytes);
      fc.pre(!text.includes('.'));
      assert.equal(text, ipv6AsUrlHost(text));
    }),
    { numRuns: 2000 },
  );
});

test('an IPv4-mapped address is parsed to IPv4 and formatted with a dotted quad', () => {
  const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1);
  assert.equal(formatIpv6(mapped), '::ffff:192.0.2.1');
  for (const text of ['::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:192.0.2.1']) {
    assert.deepEqual(parseIp(text), Uint8Array.of(192, 0, 2, 1), text);
  }
  assert.equal(parseIp('::192.0.2.1')?.length, 16);
});

test('what is not exactly an address is undefined', () => {
  const wrong = ['', 'localhost', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.4 ', '1.2.3.0x4', '1..2.3'];
  wrong.push(':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', 'g::1', '12345::');
  wrong.push('[::1]', 'fe80::1%eth0', '::1.2.3.4:1', '1.2.3.4::', '::1:', ':1::', '1:2:3:4:5:6:7:1.2.3.4');
  for (const text of wrong) assert.equal(parseIp(text), undefined, text);
});

test('text is an address exactly when Node says so', () => {
  const looksLikeAnAddress = fc
    .array(fc.constantFrom('0', '1', '25', '256', 'f', 'ffff', ':', ':', '::', '.', '01', '%', 'x'), { maxLength: 18 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(looksLikeAnAddress, fc.string(), fc.ipV6(), fc.ipV4()), (text) => {
      if (text.includes('%')) assert.equal(parseIp(text), undefined);
      else assert.equal(parseIp(text) !== undefined, isIP(text) !== 0, text);
    }),
    { numRuns: 5000 },
  );
});
