import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Bitfield, BitfieldError } from './bitfield.ts';

describe('A bitfield', () => {
  it('is a set of pieces', () => {
    const change = fc.tuple(fc.constantFrom('add', 'remove', 'all'), fc.nat(99));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.array(change, { maxLength: 50 }), (size, changes) => {
        const field = new Bitfield(size);
        const model = new Set<number>();
        for (const [what, at] of changes) {
          const piece = at % size;
          if (what === 'add') assert.equal(field.add(piece), !model.has(piece));
          else if (what === 'remove') assert.equal(field.remove(piece), model.has(piece));
          else field.addAll();
          if (what === 'add') model.add(piece);
          else if (what === 'remove') model.delete(piece);
          else for (let i = 0; i < size; i++) model.add(i);
        }
        assert.deepEqual(
          [...field],
          [...model].sort((a, b) => a - b),
        );
        assert.equal(field.count, model.size);
        assert.equal(field.isFull, model.size === size);
        const again = Bitfield.fromWire(field.bytes, size);
        assert.deepEqual([...again], [...field]);
        assert.equal(again.count, field.count);
        for (let i = 0; i < size; i++) assert.equal(again.has(i), model.has(i));
      }),
    );
  });

  it('has piece 0 in the highest bit of its first byte', () => {
    const field = new Bitfield(9);
    field.add(0);
    field.add(8);
    assert.deepEqual([...field.bytes], [0x80, 0x80]);
    assert.deepEqual([...Bitfield.full(9).bytes], [0xff, 0x80]);
  });

  it('of other than its length, or with spare bits, is refused', () => {
    const refused = (bytes: number[], size: number) =>
      assert.throws(() => Bitfield.fromWire(Uint8Array.from(bytes), size), BitfieldError);
    refused([], 1);
    refused([0, 0], 8);
    refused([0], 9);
    refused([0x01], 7);
    refused([0xff, 0xff], 9);
    assert.equal(Bitfield.fromWire(new Uint8Array(0), 0).isFull, true);
  });
});
