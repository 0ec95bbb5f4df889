import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MIN_RATE } from '../../../../src/api/peer/peer-schemas.ts';
import { limitText, readLimit } from './limits.ts';

const MIB = 1024 * 1024;

test('a limit is a number of MiB, with a point or a comma; nothing is no limit', () => {
  assert.deepEqual(['', ' ', '2', '0.5', '0,5', ' 10 '].map(readLimit), [
    null,
    null,
    2 * MIB,
    MIB / 2,
    MIB / 2,
    10 * MIB,
  ]);
});

test('what is no number, or slower than the API takes, is refused', () => {
  for (const text of ['much', '-1', '1e3', '0', '0.0001', '1.', '9'.repeat(30)])
    assert.equal(readLimit(text), undefined, text);
  assert.ok(readLimit('0.001')! >= MIN_RATE);
});

test('a limit is shown as it was given', () => {
  assert.deepEqual([limitText(null), limitText(MIB / 2), limitText(1_000_000)], ['', '0.5', '0.954']);
});
