import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SipHash } from './siphash.ts';

test('SipHash-2-4 gives the value of the worked example in appendix A of the paper', () => {
  const hash = hashBytes(range(16), range(15));
  assert.equal(hash, 'a129ca6149be45e5');
});

test('SipHash-2-4 gives the first of the reference implementation’s vectors', () => {
  // vectors_sip64 of the reference code: the hash of 00 01 .. (n - 1), least significant byte first.
  const expected = ['310e0edd47db6f72', 'fd67dc93c539f874', '5a4fa9d909806c0d', '2d7efbd796666785', 'b7877127e09427cf'];
  for (const [length, hash] of expected.entries()) {
    const little = hashBytes(range(16), range(length)).match(/../g)?.reverse().join('');
    assert.equal(little, hash, `of ${length} bytes`);
  }
});

function hashBytes(key: Uint8Array, message: Uint8Array): string {
  const hash = new SipHash(key);
  hash.begin();
  const padded = new DataView(new ArrayBuffer(message.length + 8));
  for (const [at, byte] of message.entries()) padded.setUint8(at, byte);
  const whole = message.length - (message.length % 8);
  for (let at = 0; at < whole; at += 8) hash.block(padded.getInt32(at + 4, true), padded.getInt32(at, true));
  hash.finish(padded.getInt32(whole + 4, true), padded.getInt32(whole, true), message.length);
  return [hash.high, hash.low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

function range(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}
