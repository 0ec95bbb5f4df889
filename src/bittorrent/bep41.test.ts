import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeUrlData, MAX_URL_DATA_BYTES, OPTION_NOP, readUrlData, UrlDataError } from './bep41.ts';

const latin1 = fc.string({
  unit: fc.nat(0xff).map((code) => String.fromCharCode(code)),
  maxLength: MAX_URL_DATA_BYTES,
});

function bytesOf(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => {
      if (typeof part === 'number') return [part];
      return typeof part === 'string' ? [...part].map((character) => character.charCodeAt(0)) : [...part];
    }),
  );
}

function read(...parts: (number | string | Uint8Array)[]): string | undefined {
  const bytes = bytesOf(...parts);
  return readUrlData(bytes, 0, bytes.length);
}

test('URL data survives the way to options and back, whatever its length', () => {
  fc.assert(
    fc.property(latin1, fc.nat(98), fc.uint8Array({ maxLength: 4 }), (urlData, offset, behind) => {
      const options = encodeUrlData(urlData);
      const bytes = bytesOf(new Uint8Array(offset), options, behind);
      assert.equal(readUrlData(bytes, offset, bytes.length), urlData === '' ? undefined : urlData);
    }),
  );
});

test('URL data is split into pieces of at most 255 bytes', () => {
  const options = encodeUrlData('x'.repeat(600));
  assert.deepEqual([options[0], options[1], options[257], options[258]], [2, 255, 2, 255]);
  assert.deepEqual([options[514], options[515], options.length], [2, 90, 607]);
});

test('the options of known clients are read: libtorrent /announce, aria2 two stray bytes', () => {
  assert.equal(read(2, 9, '/announce'), '/announce');
  assert.equal(read(0, 0), undefined);
  assert.equal(read(), undefined);
});

test('NOPs are skipped, unknown options are skipped by their length, EndOfOptions stops', () => {
  assert.equal(read(OPTION_NOP, 2, 1, 'a', OPTION_NOP, 9, 3, 2, 1, 'z', 2, 1, 'b', 0, 2, 1, 'c'), 'ab');
});

test('an option cut short is ignored, and what stood before it is kept', () => {
  assert.equal(read(2, 5, 'abc'), undefined);
  assert.equal(read(2, 1, 'a', 2), 'a');
  assert.equal(read(2, 1, 'a', 2, 2, 'b'), 'a');
});

test('nothing is read behind the end of the datagram', () => {
  assert.equal(readUrlData(bytesOf(2, 3, 'abc'), 0, 4), undefined);
});

test('more than the bound is ignored when read and refused when written', () => {
  const piece = bytesOf(2, 255, 'x'.repeat(255));
  assert.equal(read(...Array(8).fill(piece))?.length, 2040);
  assert.equal(read(...Array(9).fill(piece)), undefined);
  assert.throws(() => encodeUrlData('x'.repeat(MAX_URL_DATA_BYTES + 1)), UrlDataError);
  assert.throws(() => encodeUrlData('/ann\u0161'), UrlDataError);
});

test('arbitrary bytes are never an exception, and never more than was there', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const urlData = readUrlData(bytes, 0, bytes.length);
      assert.ok(urlData === undefined || urlData.length <= bytes.length - 2);
    }),
    { numRuns: 2000 },
  );
});
