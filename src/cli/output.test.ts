import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { printable, shownPath } from './output.ts';

test('text of strangers cannot steer the terminal', () => {
  assert.equal(printable('Ein Film – 日本 🎬.mkv'), 'Ein Film – 日本 🎬.mkv');
  const nasty = 'a\x1b[2Jb\x1b]0;title\x07c\r\nd\x9b31me\u2028f\u202eg\x00h';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must be gone
  assert.doesNotMatch(printable(nasty), /[\x00-\x1f\x7f-\x9f\u2028\u202e]/);
  assert.match(printable(nasty), /^a.*b.*c.*d.*e.*f.*g.*h$/);
});

test('a path is shown from where people are, if it is below that', () => {
  assert.equal(shownPath(resolve('copy', 'big.iso')), join('copy', 'big.iso'));
  for (const path of [resolve('..', 'big.iso'), resolve('.')]) assert.equal(shownPath(path), path);
});
