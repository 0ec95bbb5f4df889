import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generateMemberKey } from '../member-key.ts';
import { DatagramSeal, MAX_DATAGRAM_BYTES } from './datagram-seal.ts';

const key = generateMemberKey();
const contents = fc.uint8Array({ maxLength: 1_000 });

test('holders of the key read what was sealed, in order of its counter', () => {
  for (const shared of [key, null]) {
    const from = new DatagramSeal(shared, 'c');
    const to = new DatagramSeal(shared, 'c');
    let counter = 0;
    fc.assert(
      fc.property(contents, (content) => {
        const opened = to.open(from.seal(content));
        assert.ok(typeof opened === 'object');
        assert.deepEqual(Buffer.from(opened.content), Buffer.from(content));
        assert.equal(opened.counter, ++counter);
        assert.equal(opened.salt, Buffer.from(from.salt).toString('latin1'));
      }),
    );
  }
});

test('one changed bit is enough to be refused', () => {
  const from = new DatagramSeal(key, 'c');
  const to = new DatagramSeal(key, 'c');
  fc.assert(
    fc.property(contents, fc.nat(), fc.nat({ max: 7 }), (content, at, bit) => {
      const datagram = from.seal(content);
      datagram[at % datagram.length] ^= 1 << bit;
      assert.equal(typeof to.open(datagram), 'string');
    }),
    { numRuns: 500 },
  );
});

test('another key, another cluster name, sealed for plain and plain for sealed are forged', () => {
  const to = new DatagramSeal(key, 'c');
  for (const from of [
    new DatagramSeal(generateMemberKey(), 'c'),
    new DatagramSeal(key, 'd'),
    new DatagramSeal(null, 'c'),
  ]) {
    assert.equal(to.open(from.seal(Buffer.from('x'))), 'forged');
    if (from !== to) assert.equal(typeof new DatagramSeal(null, 'c').open(to.seal(Buffer.from('x'))), 'string');
  }
});

test('two processes never seal under the same key and nonce, and content does not show', () => {
  const [a, b] = [new DatagramSeal(key, 'c'), new DatagramSeal(key, 'c')];
  assert.notDeepEqual(a.salt, b.salt);
  const content = Buffer.from('the same content every time');
  const sealed = [a.seal(content), a.seal(content), b.seal(content)].map((bytes) => Buffer.from(bytes));
  const bodies = new Set(sealed.map((bytes) => bytes.subarray(29).toString('hex')));
  assert.equal(bodies.size, 3);
  assert.ok(!sealed.some((bytes) => bytes.includes('content')));
});

test('bytes that are no datagram of ours are malformed, and one of its own is known', () => {
  const seal = new DatagramSeal(key, 'c');
  assert.equal(seal.open(seal.seal(Buffer.from('x'))), 'own');
  assert.equal(seal.open(new Uint8Array(0)), 'malformed');
  assert.equal(seal.open(new Uint8Array(MAX_DATAGRAM_BYTES + 1)), 'malformed');
  assert.equal(seal.open(Buffer.from('d1:ad2:id20:abcdefghij0123456789e1:q4:pinge')), 'malformed');
});
