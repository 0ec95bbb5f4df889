import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BAD_ESCAPE, NO_ROOM, percentDecode, percentEncode } from './percent-encoding.ts';

function decode(text: string, room = 100): number | Uint8Array {
  const out = new Uint8Array(room);
  const length = percentDecode(text, 0, text.length, out);
  return length < 0 ? length : out.slice(0, length);
}

test('bytes survive encoding and decoding, and only unreserved characters stay as they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = percentEncode(bytes);
      assert.match(text, /^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
      assert.deepEqual(decode(text), bytes);
    }),
  );
});

test('text is encoded as encodeURIComponent does it, but for the marks that only it leaves alone', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const expected = encodeURIComponent(text).replace(
        /[!'()*]/g,
        (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
      );
      assert.equal(percentEncode(new TextEncoder().encode(text)), expected);
    }),
  );
});

test('a plus sign is a plus sign, and raw bytes are themselves', () => {
  assert.deepEqual(decode('a+%2b%2B\xff'), Uint8Array.of(0x61, 0x2b, 0x2b, 0x2b, 0xff));
});

test('an escape without two hexadecimal digits, or a character that is no byte, is a bad escape', () => {
  for (const text of ['%', '%a', 'a%1', '%g0', '%0g', '%%00', '%\u0130\u0130', '\u0100']) {
    assert.equal(decode(text), BAD_ESCAPE, text);
  }
});

test('an escape never reads beyond the end of its value', () => {
  assert.equal(percentDecode('%41', 0, 2, new Uint8Array(3)), BAD_ESCAPE);
});

test('a value that does not fit is said to have no room', () => {
  assert.equal(decode('abc', 2), NO_ROOM);
  assert.deepEqual(decode('ab', 2), Uint8Array.of(0x61, 0x62));
});
