import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Availability, NO_PIECE } from './availability.ts';
import { Bitfield } from './bitfield.ts';

const PIECES = 12;

/** Pseudo-random, the same for the same seed. */
function draws(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('Availability', () => {
  it('gives a rarest open piece of those a peer has, after whatever changes', () => {
    const piece = fc.nat(PIECES - 1);
    const change = fc.oneof(
      fc.tuple(fc.constantFrom('open', 'close', 'add', 'remove'), piece),
      fc.tuple(fc.constantFrom('complete', 'incomplete'), fc.constant(0)),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), fc.uniqueArray(piece), fc.nat(), (changes, held, seed) => {
        const availability = new Availability(PIECES, draws(seed));
        const peers = new Array(PIECES).fill(0);
        const open = new Set<number>();
        let complete = 0;
        for (const [what, at] of changes) {
          if (what === 'open') {
            availability.open(at);
            open.add(at);
          } else if (what === 'close') {
            availability.close(at);
            open.delete(at);
          } else if (what === 'add') {
            availability.add(at);
            peers[at]++;
          } else if (what === 'remove' && peers[at] > 0) {
            availability.remove(at);
            peers[at]--;
          } else if (what === 'complete') {
            availability.addComplete();
            complete++;
          } else if (what === 'incomplete' && complete > 0) {
            availability.removeComplete();
            complete--;
          }
        }
        const has = new Bitfield(PIECES);
        for (const at of held) has.add(at);
        const candidates = held.filter((at) => open.has(at));
        const rarest = availability.rarest(has);
        if (candidates.length === 0) assert.equal(rarest, NO_PIECE);
        else assert.ok(candidates.includes(rarest) && peers[rarest] === Math.min(...candidates.map((at) => peers[at])));
        assert.equal(availability.openCount, open.size);
        for (let at = 0; at < PIECES; at++) {
          assert.equal(availability.isOpen(at), open.has(at));
          assert.equal(availability.of(at), peers[at] + complete);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('gives different pieces to those who draw differently', () => {
    const first = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const availability = new Availability(PIECES, draws(seed * 7919));
      for (let piece = 0; piece < PIECES; piece++) availability.open(piece);
      first.add(availability.rarest(Bitfield.full(PIECES)));
    }
    assert.ok(first.size > PIECES / 2, `${first.size} different first pieces of ${PIECES}`);
  });
});
