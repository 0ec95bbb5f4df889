import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { textWidth, toWidth } from './text-width.ts';

test('Wide characters take two columns, marks none', () => {
  assert.deepEqual(['', 'abc', 'Björk', 'e\u0301', '日本', 'ｆ', '🎬', '…'].map(textWidth), [0, 3, 5, 1, 4, 2, 2, 1]);
});

test('A text is brought to a width whatever it is', () => {
  assert.deepEqual(
    [toWidth('ab', 4), toWidth('abcdef', 4), toWidth('日本語', 4), toWidth('日本語', 6)],
    ['ab  ', 'abc…', '日… ', '日本語'],
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (text, columns) => {
      assert.equal(textWidth(toWidth(text, columns)), columns);
    }),
  );
});
