import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ContentsOrder, ContentsSort } from '../tracker.ts';
import { ContentsIndex, type IndexedContent, type IndexQuery } from './contents-index.ts';

const sha1Of = (n: number) => n.toString(16).padStart(40, '0');

function indexOf(contents: readonly IndexedContent[]): ContentsIndex {
  const index = new ContentsIndex();
  for (const content of contents.toSorted((a, b) => (a.sha1 < b.sha1 ? -1 : 1))) index.add(content);
  return index;
}

function content(n: number, told: Partial<IndexedContent> = {}): IndexedContent {
  return { sha1: sha1Of(n), name: null, size: null, seeders: 0, leechers: 0, completed: 0, ...told };
}

/** Every page, one after the other. */
function allOf(index: ContentsIndex, query: Partial<IndexQuery>): string[] {
  const sha1s: string[] = [];
  let after: string | undefined;
  do {
    const page = index.query({ search: '', sort: 'sha1', order: 'asc', limit: 2, ...query, after });
    sha1s.push(...page.sha1s);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return sha1s;
}

/** What it should do, in the plainest way. */
function model(
  contents: readonly IndexedContent[],
  search: string,
  sort: ContentsSort,
  order: ContentsOrder,
): string[] {
  const fold = (text: string) => text.normalize('NFC').toLowerCase().replaceAll('\n', ' ');
  const direction = order === 'asc' ? 1 : -1;
  const value = (each: IndexedContent) => {
    if (sort === 'name') return each.name ? Buffer.from(fold(each.name)).toString('hex') : undefined;
    if (sort === 'size') return each.size === null || each.size < 0 ? undefined : each.size;
    return each[sort];
  };
  const matches = contents.filter(
    ({ name, sha1 }) =>
      search === '' ||
      fold(name ?? '').includes(fold(search)) ||
      (search.trim().length >= 4 && sha1.startsWith(search.trim().toLowerCase())),
  );
  return matches
    .toSorted((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x !== y) {
        if (x === undefined) return 1;
        if (y === undefined) return -1;
        return x < y ? -direction : direction;
      }
      const tie = a.sha1 < b.sha1 ? -1 : 1;
      return sort === 'sha1' ? direction * tie : tie;
    })
    .map(({ sha1 }) => sha1);
}

const name = fc.oneof(
  fc.constantFrom(
    'Debian 13',
    'debian 13',
    'DEBIAN',
    'Übung',
    'U\u0308bung',
    'a',
    'ab',
    'two\nlines',
    'İstanbul',
    '\u05d0\u05d1',
  ),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
);
const contents = fc.uniqueArray(
  fc.record({
    sha1: fc.oneof(
      fc.nat(40).map(sha1Of),
      fc.nat(9).map((n) => `abcdef${n}`.padEnd(40, '0')),
    ),
    name: fc.option(name),
    size: fc.option(fc.constantFrom(-1, 0, 1, 700, 2 ** 52)),
    seeders: fc.nat(3),
    leechers: fc.nat(3),
    completed: fc.nat(3),
  }),
  { selector: ({ sha1 }) => sha1, maxLength: 40 },
);
const sort = fc.constantFrom<ContentsSort>('sha1', 'name', 'size', 'seeders', 'leechers', 'completed');
const order = fc.constantFrom<ContentsOrder>('asc', 'desc');
const search = fc.oneof(fc.constantFrom('', 'deb', 'AB', 'abcdef', 'abcdef3', 'ü', ' ', 'lines', '0000', 'İ'), name);

describe('the contents index', () => {
  test('visits what matches once and in order, whatever the page size', () => {
    fc.assert(
      fc.property(contents, search, sort, order, fc.integer({ min: 1, max: 7 }), (all, text, by, direction, limit) => {
        const index = indexOf(all);
        const expected = model(all, text, by, direction);
        assert.deepEqual(allOf(index, { search: text, sort: by, order: direction, limit }), expected);
        const page = index.query({ search: text, sort: by, order: direction, limit, after: undefined });
        assert.equal(page.total, expected.length);
      }),
    );
  });

  test('goes on behind a content that has changed or gone since', () => {
    fc.assert(
      fc.property(contents, contents, sort, order, (before, now, by, direction) => {
        const query = { search: '', sort: by, order: direction };
        const { next, sha1s } = indexOf(before).query({ ...query, limit: 2, after: undefined });
        if (next === null) return;
        // The place is where the last content would stand if it were still as it was.
        const last = before.find(({ sha1 }) => sha1 === sha1s[1])!;
        const others = now.filter(({ sha1 }) => sha1 !== last.sha1);
        const expected = model([...others, last], '', by, direction);
        const rest = indexOf(others).query({ ...query, limit: 1_000, after: next });
        assert.deepEqual(rest.sha1s, expected.slice(expected.indexOf(last.sha1) + 1));
      }),
    );
  });

  test('finds a part of the name whatever the case, and the beginning of a sha1 of four digits or more', () => {
    const index = indexOf([
      content(0xbeef0000, { name: 'Big Buck Bunny' }),
      content(2, { name: 'beef stew' }),
      content(3, { name: 'bee' }),
    ]);
    const found = (text: string) =>
      index.query({ search: text, sort: 'sha1', order: 'asc', after: undefined, limit: 9 }).sha1s;
    assert.deepEqual(found('BUNNY'), [sha1Of(0xbeef0000)]);
    assert.deepEqual(found('g buck b'), [sha1Of(0xbeef0000)]);
    assert.deepEqual(found(sha1Of(0xbeef0000).slice(0, 34)), [sha1Of(0xbeef0000)]);
    assert.deepEqual(found('000'), []);
    assert.deepEqual(found('beef'), [sha1Of(2)]);
    assert.deepEqual(found('nothing'), []);
  });

  test('refuses a cursor that is none, or of another order', () => {
    const index = indexOf([content(1, { name: 'a' })]);
    const query = { search: '', order: 'asc', limit: 1 } as const;
    for (const after of ['x', sha1Of(1), `${sha1Of(1)}.-1`, `${sha1Of(1)}.1e9`, `${'A'.repeat(40)}.`]) {
      assert.throws(() => index.query({ ...query, sort: 'size', after }), { code: 'BAD_CURSOR' }, after);
    }
    assert.throws(() => index.query({ ...query, sort: 'sha1', after: `${sha1Of(1)}.5` }), { code: 'BAD_CURSOR' });
  });
});
