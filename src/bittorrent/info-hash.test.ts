import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatInfoHash, INFO_HASH_BYTES, InfoHashError, parseInfoHash } from './info-hash.ts';

const HEX = '00ff10a1b2c3d4e5f60718293a4b5c6d7e8f9001';

test('an info-hash is written as lowercase hexadecimal and read in either case', () => {
  assert.equal(formatInfoHash(parseInfoHash(HEX)), HEX);
  assert.equal(formatInfoHash(parseInfoHash(HEX.toUpperCase())), HEX);
});

test('formatting and parsing undo each other, at any offset', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: INFO_HASH_BYTES, maxLength: INFO_HASH_BYTES }),
      fc.nat(50),
      (hash, offset) => {
        const bytes = new Uint8Array(offset + INFO_HASH_BYTES + 3);
        bytes.set(hash, offset);
        assert.deepEqual(parseInfoHash(formatInfoHash(bytes, offset)), hash);
      },
    ),
  );
});

test('text of a wrong length or with other characters is an InfoHashError', () => {
  for (const bad of ['', HEX.slice(1), `${HEX}0`, `g${HEX.slice(1)}`, ` ${HEX.slice(1)}`, `${HEX.slice(1)}İ`]) {
    assert.throws(() => parseInfoHash(bad), InfoHashError, bad);
  }
});

test('each of the 40 positions takes hexadecimal digits and nothing else', () => {
  fc.assert(
    fc.property(fc.nat(39), fc.nat(0xffff), (at, code) => {
      const character = String.fromCharCode(code);
      const text = HEX.slice(0, at) + character + HEX.slice(at + 1);
      if (/^[0-9a-fA-F]$/.test(character)) assert.equal(formatInfoHash(parseInfoHash(text)), text.toLowerCase());
      else assert.throws(() => parseInfoHash(text), InfoHashError);
    }),
    { numRuns: 1000 },
  );
});

test('formatting where fewer than 20 bytes are left is an InfoHashError', () => {
  for (const offset of [1, -1, 0.5, Number.NaN]) {
    assert.throws(() => formatInfoHash(new Uint8Array(INFO_HASH_BYTES), offset), InfoHashError);
  }
});
