import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { visibleName } from './names.ts';

test('what changes the direction or cannot be seen is made visible', () => {
  assert.equal(visibleName('abc\u202egnp.exe\u0000\n\u2067'), 'abc\ufffdgnp.exe\ufffd\ufffd\ufffd');
});

test('markup, spaces and letters of every script stay as they are', () => {
  for (const name of ['<b>x</b> &amp;', '  two  spaces ', 'صور ٢٠٢٦.zip', '日本語', '👩‍🚀.png', 'a\u0308']) {
    assert.equal(visibleName(name), name);
  }
  fc.assert(fc.property(fc.string({ unit: 'grapheme-ascii' }), (name) => visibleName(name) === name));
});
