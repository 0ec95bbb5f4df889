import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListedContent } from './cluster-api.ts';
import { type AmbiguousNameError, findContent, MAX_CANDIDATES } from './find-content.ts';

const content = (i: number, name: string | null): ListedContent => ({
  sha1: i.toString(16).padStart(40, '0'),
  name,
  size: i,
  seeders: 1,
  leechers: 0,
  completed: 0,
});

/** Pages of two. */
async function* pages(...names: (string | null)[]) {
  for (let i = 0; i < names.length; i += 2) yield names.slice(i, i + 2).map((name, j) => content(i + j, name));
}

test('a whole name goes before names that begin so, wherever they stand', async () => {
  assert.equal((await findContent(pages('big.iso.sig', null, 'big.iso', 'bigger'), 'big.iso')).size, 2);
  assert.equal((await findContent(pages('big.iso.sig', null, 'small'), 'big')).size, 0);
  assert.equal((await findContent(pages('a\u0301'), '\u00e1')).size, 0);
});

test('several of one name, or that begin so, are listed, the first of them by sha1 and size', async () => {
  const same = findContent(pages('a', 'ab', 'a'), 'a');
  await assert.rejects(same, { code: 'AMBIGUOUS_NAME', message: /^2 contents are called "a"; give the sha1 of one:/ });
  await assert.rejects(findContent(pages('ab', 'ac', 'b'), 'a'), (error: AmbiguousNameError) => {
    const [, first, second] = error.message.split('\n');
    assert.equal(first, `  ${'0'.repeat(40)}  "ab", 0 bytes`);
    assert.equal(second, `  ${'0'.repeat(39)}1  "ac", 1 bytes`);
    assert.deepEqual(
      error.candidates.map(({ name }) => name),
      ['ab', 'ac'],
    );
    return true;
  });
});

test('however many there are, a few are named', async () => {
  const names = Array.from({ length: 1000 }, (_, i) => `film ${i}`);
  await assert.rejects(findContent(pages(...names), 'film'), (error: AmbiguousNameError) => {
    assert.deepEqual([error.total, error.candidates.length], [1000, MAX_CANDIDATES]);
    assert.match(error.message, /\.\.\. and 990 more$/);
    return true;
  });
});

test('nothing by that name is said so; no name finds nothing', async () => {
  const nothing = { code: 'NO_SUCH_CONTENT', message: /contents` lists what there is/ };
  for (const name of ['x', '', 'A', 'null']) await assert.rejects(findContent(pages('a', null), name), nothing);
  await assert.rejects(findContent(pages(), 'x'), nothing);
});
