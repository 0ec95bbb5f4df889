import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_AVAILABILITY, PIECE_ACTIVE, PIECE_HERE } from './peer-schemas.ts';
import { changedRuns, mapPieces } from './piece-map.ts';

test('A map tells what is here, what is fetched, and how many peers have the rest', () => {
  const map = new Uint8Array(5);
  const peers = [0, 1, 9, 2_000, 4];
  mapPieces(
    {
      have: { has: (piece) => piece === 1 },
      picker: { active: (piece) => (piece === 4 ? {} : undefined), availability: { of: (piece) => peers[piece] } },
    },
    map,
  );
  assert.deepEqual([...map], [0, PIECE_HERE, 9, MAX_AVAILABILITY, PIECE_ACTIVE]);
});

test('Whoever knows a map and is told its changed runs knows the new map', () => {
  const maps = fc.integer({ min: 0, max: 300 }).chain((length) => {
    const map = fc.uint8Array({ minLength: length, maxLength: length, max: 3 });
    return fc.tuple(map, map);
  });
  fc.assert(
    fc.property(maps, ([before, after]) => {
      const known = before.slice();
      for (const [from, bytes] of changedRuns(before, after)) known.set(Buffer.from(bytes, 'base64'), from);
      assert.deepEqual(known, after);
    }),
  );
});

test('What did not change is not told', () => {
  const before = new Uint8Array(50_000);
  const after = before.slice();
  assert.deepEqual(changedRuns(before, after), []);
  after[7] = 1;
  after[40_000] = 2;
  assert.deepEqual(
    changedRuns(before, after).map(([from, bytes]) => [from, ...Buffer.from(bytes, 'base64')]),
    [
      [7, 1],
      [40_000, 2],
    ],
  );
});
