import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cellValue, columnStart, layOutPieces, piecesAt } from './piece-grid.ts';

const layouts = fc.record({
  pieces: fc.integer({ min: 1, max: 900_000 }),
  width: fc.integer({ min: 1, max: 4_000 }),
  height: fc.integer({ min: 20, max: 700 }),
  density: fc.constantFrom(1, 1.25, 2, 3),
});

test('every piece has a place, within the bounds', () => {
  fc.assert(
    fc.property(layouts, ({ pieces, width, height, density }) => {
      const grid = layOutPieces(pieces, width, height, density);
      assert.ok(grid.columns * grid.rows * grid.piecesPerCell >= pieces);
      assert.ok((grid.rows - 1) * grid.columns * grid.piecesPerCell < pieces, 'no row is empty');
      assert.ok(grid.height <= height && grid.width === width);
      assert.equal(columnStart(grid, grid.columns), grid.width, 'the columns fill the width');
      assert.ok(grid.pitch > grid.gap);
    }),
  );
});

test('what lies at a place is what is drawn there', () => {
  fc.assert(
    fc.property(layouts, fc.double({ min: 0, max: 1, noNaN: true }), ({ pieces, width, height, density }, share) => {
      const grid = layOutPieces(pieces, width, height, density);
      const piece = Math.min(pieces - 1, Math.floor(share * pieces));
      const cell = Math.floor(piece / grid.piecesPerCell);
      const x = columnStart(grid, cell % grid.columns) + 0.999;
      const y = Math.floor(cell / grid.columns) * grid.pitch;
      const [first, end] = piecesAt(grid, pieces, x, y) ?? [];
      assert.ok(first !== undefined && end !== undefined && first <= piece && piece < end);
    }),
  );
});

test('few pieces are large and stand apart, very many share a cell', () => {
  const few = layOutPieces(100, 1_000, 240, 1);
  assert.deepEqual([few.pitch, few.gap, few.rows, few.piecesPerCell], [14, 1, 2, 1]);
  const many = layOutPieces(50_000, 1_000, 240, 1);
  assert.deepEqual([many.gap, many.piecesPerCell], [0, 1]);
  assert.ok(layOutPieces(800_000, 1_000, 240, 1).piecesPerCell > 1);
});

test('a cell of several pieces shows the one that is missed most', () => {
  const grid = { ...layOutPieces(4, 100, 240, 1), piecesPerCell: 2 };
  assert.equal(cellValue(Uint8Array.of(255, 3, 255, 254), grid, 0), 3);
  assert.equal(cellValue(Uint8Array.of(255, 3, 255, 254), grid, 1), 254);
  assert.equal(cellValue(Uint8Array.of(255, 3, 255), grid, 1), 255);
});

test('nothing lies outside', () => {
  const grid = layOutPieces(100, 1_000, 240, 1);
  for (const [x, y] of [
    [-1, 0],
    [0, -1],
    [1_000, 0],
    [0, 240],
  ]) {
    assert.equal(piecesAt(grid, 100, x, y), undefined);
  }
  assert.equal(piecesAt(grid, 100, 999, grid.pitch), undefined, 'the last row is not full');
});
