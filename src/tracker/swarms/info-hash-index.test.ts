import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HASH_WORDS, InfoHashIndex } from './info-hash-index.ts';

const STRIDE = HASH_WORDS + 2;

test('an index finds what was added and not removed, under any sequence of changes', () => {
  const change = fc.record({ add: fc.boolean(), key: fc.integer({ min: 0, max: 60 }) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 400 }), (changes) => {
      const index = new InfoHashIndex(40, STRIDE, [1, 2]);
      const model = new Map<number, number>();
      for (const { add, key } of changes) {
        const known = model.get(key);
        assert.equal(index.find(hashOf(key), 0), known ?? -1);
        if (add && known === undefined) {
          const id = index.add(hashOf(key), 0);
          if (model.size === 40) assert.equal(id, -1);
          else model.set(key, id);
        } else if (!add && known !== undefined) {
          index.remove(known);
          model.delete(key);
        }
        assert.equal(index.size, model.size);
      }
      assert.equal(new Set(model.values()).size, model.size, 'two info-hashes share an id');
      for (const [key, id] of model) {
        assert.ok(index.has(id) && id < index.limit);
        assert.deepEqual(index.records.slice(id * STRIDE, id * STRIDE + HASH_WORDS), hashOf(key));
      }
    }),
  );
});

test('an index grows to a hundred thousand info-hashes and finds each', () => {
  const index = new InfoHashIndex(100_000, STRIDE, [3, 4]);
  const words = new Int32Array(HASH_WORDS);
  for (let key = 0; key < 100_000; key++) {
    words[0] = key;
    assert.equal(index.add(words, 0), key);
  }
  for (let key = 0; key < 100_000; key++) {
    words[0] = key;
    assert.equal(index.find(words, 0), key);
  }
  assert.equal(index.add(Int32Array.of(1, 2, 3, 4, 5), 0), -1);
});

/** Keys that differ in one word only, the one the hash does not read among them. */
function hashOf(key: number): Int32Array {
  const words = new Int32Array(HASH_WORDS);
  words[key % HASH_WORDS] = 1 + Math.floor(key / HASH_WORDS);
  return words;
}
