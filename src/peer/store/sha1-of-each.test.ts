import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sha1InTwos } from './sha1-in-twos.ts';
import { sha1OfEach } from './sha1-of-each.ts';

const expected = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex');
const hex = (digest: Uint8Array) => Buffer.from(digest).toString('hex');

/** Bytes within memory that threads share, at any place. */
const shared = fc.tuple(fc.uint8Array({ maxLength: 700 }), fc.nat(70)).map(([bytes, at]) => {
  const memory = new Uint8Array(new SharedArrayBuffer(at + bytes.length));
  memory.set(bytes, at);
  return memory.subarray(at);
});

describe('SHA-1 of several inputs', () => {
  it('is that of each, whatever their lengths and however many', () => {
    fc.assert(
      fc.property(fc.array(shared, { maxLength: 5 }), (inputs) => {
        assert.deepEqual(sha1OfEach(inputs).map(hex), inputs.map(expected));
      }),
    );
  });

  it('is done in twos where the processor has instructions for it', { skip: !hasShaInstructions() }, () => {
    const both = sha1InTwos();
    assert.ok(both);
    fc.assert(
      fc.property(shared, shared, (one, other) => {
        assert.deepEqual(both([one, other]).map(hex), [one, other].map(expected));
      }),
    );
    const long = new Uint8Array(3_000_001).fill(7);
    assert.deepEqual(both([long, long.subarray(1_000_000)]).map(hex), [long, long.subarray(1_000_000)].map(expected));
  });
});

function hasShaInstructions(): boolean {
  return (
    process.platform === 'linux' &&
    process.arch === 'x64' &&
    readFileSync('/proc/cpuinfo', 'latin1').includes(' sha_ni ')
  );
}
