import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c, peerPriority } from './peer-priority.ts';

test('CRC-32C gives the check value of its catalogue', () => {
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283);
});

test('The priority of two peers is that of the examples in BEP 40', () => {
  const client = { host: '123.213.32.10', port: 0 };
  assert.equal(peerPriority(client, { host: '98.76.54.32', port: 0 }), 0xec2d7224);
  assert.equal(peerPriority(client, { host: '123.213.32.234', port: 0 }), 0x99568189);
});

test('The priority of two peers is the same from both ends', () => {
  const peer = fc.record({ host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('127.0.0.1')), port: fc.nat(65_535) });
  fc.assert(fc.property(peer, peer, (a, b) => assert.equal(peerPriority(a, b), peerPriority(b, a))));
});

test('On one host the ports count, in one network the whole address', () => {
  const at = (host: string, port = 1) => ({ host, port });
  assert.notEqual(
    peerPriority(at('127.0.0.1', 1), at('127.0.0.1', 2)),
    peerPriority(at('127.0.0.1', 1), at('127.0.0.1', 3)),
  );
  assert.notEqual(peerPriority(at('10.0.0.1'), at('10.0.0.2')), peerPriority(at('10.0.0.1'), at('10.0.0.3')));
  assert.equal(peerPriority(at('127.0.0.1'), at('::2')), 0);
  // Elsewhere, whoever owns a network cannot choose among its addresses: these differ in masked bits only.
  assert.equal(peerPriority(at('10.0.0.1'), at('99.9.0.0')), peerPriority(at('10.0.0.1'), at('99.9.0.2')));
});
