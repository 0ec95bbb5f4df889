import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as api from '../../../../src/api/peer/peer-schemas.ts';
import { PIECE_ACTIVE, PIECE_HERE, PieceMap } from './piece-map.ts';

const base64 = (bytes: Iterable<number>) => Buffer.from(Uint8Array.from(bytes)).toString('base64');
const mapOf = (...bytes: number[]) => new PieceMap({ pieceLength: 16, pieceCount: bytes.length, map: base64(bytes) });

test('the bytes mean what the API says', () => {
  assert.deepEqual([PIECE_HERE, PIECE_ACTIVE], [api.PIECE_HERE, api.PIECE_ACTIVE]);
});

test('a summary counts what is here, what is fetched, and what nobody has', () => {
  assert.deepEqual(mapOf(PIECE_HERE, PIECE_ACTIVE, 0, 3, 2, PIECE_HERE).summary(), {
    total: 6,
    here: 2,
    active: 1,
    missing: 3,
    unavailable: 1,
    rarest: 0,
  });
  assert.equal(mapOf(PIECE_HERE, 7, 3).summary().rarest, 3);
  assert.equal(mapOf(PIECE_HERE, PIECE_ACTIVE).summary().rarest, undefined);
  assert.equal(mapOf().summary().total, 0);
});

test('runs change the map and the summary together, and nothing beyond its end', () => {
  const byte = fc.constantFrom(0, 1, 5, PIECE_ACTIVE, PIECE_HERE);
  const runs = fc.array(fc.tuple(fc.nat(12), fc.array(byte, { maxLength: 8 })), { maxLength: 10 });
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 10 }), runs, (bytes, changes) => {
      const map = mapOf(...bytes);
      const expected = [...bytes];
      for (const [from, run] of changes) {
        map.apply([[from, base64(run)]]);
        run.forEach((value, i) => {
          if (from + i < expected.length) expected[from + i] = value;
        });
      }
      assert.deepEqual([...map.pieces], expected);
      assert.deepEqual(map.summary(), mapOf(...expected).summary());
    }),
  );
});
