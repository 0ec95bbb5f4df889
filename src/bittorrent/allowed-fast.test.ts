import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { allowedFastPieces } from './allowed-fast.ts';

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash('sha1').update(bytes).digest());
const infoHash = new Uint8Array(20).fill(0xaa);

test('The pieces allowed fast are those of the example in BEP 6', () => {
  const ip = Uint8Array.of(80, 4, 4, 200);
  const nine = [1059, 431, 808, 1217, 287, 376, 1188, 353, 508];
  assert.deepEqual(allowedFastPieces(ip, infoHash, 1313, sha1, 7), nine.slice(0, 7));
  assert.deepEqual(allowedFastPieces(ip, infoHash, 1313, sha1, 9), nine);
});

test('A small torrent allows each of its pieces once, an empty one and IPv6 none', () => {
  const ip = Uint8Array.of(127, 0, 0, 1);
  assert.deepEqual(allowedFastPieces(ip, infoHash, 3, sha1).sort(), [0, 1, 2]);
  assert.deepEqual(allowedFastPieces(ip, infoHash, 0, sha1), []);
  assert.deepEqual(allowedFastPieces(new Uint8Array(16), infoHash, 100, sha1), []);
});
