import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { TrackerDatabase } from '../database.ts';
import { ContentsReader } from '../tables/contents-reader.ts';
import { TABLES_FILE } from '../tables/schema.ts';
import { history, toBatches } from '../tables/test-tables.ts';
import type { IndexQuery } from './contents-index.ts';
import { ListingClient, MAX_WAITING_QUERIES } from './listing-client.ts';
import { readContents } from './read-contents.ts';

const QUERY: IndexQuery = { search: '', sort: 'seeders', order: 'desc', after: undefined, limit: 1_000 };

/** Tables with a few contents, and what searches them. */
function stage(t: TestContext, options?: ConstructorParameters<typeof ListingClient>[1]) {
  const path = join(temporaryFolder(), TABLES_FILE);
  const db = TrackerDatabase.open(path);
  t.after(() => db.close());
  const client = new ListingClient(path, options);
  t.after(() => client.close());
  return { path, db, client };
}

describe('the listing', () => {
  test('has what the tables have, whatever happened to them', async () => {
    const folder = temporaryFolder();
    let number = 0;
    await fc.assert(
      fc.asyncProperty(history, async (list) => {
        const path = join(folder, `${number++}.db`);
        const db = TrackerDatabase.open(path);
        db.applyBatches(toBatches(list));
        const tables = new DatabaseSync(path, { readOnly: true });
        const index = await readContents(tables);
        tables.close();
        const reader = ContentsReader.open(path, Number);
        const { contents } = reader.contents({ limit: 1_000 });
        for (const key of ['seeders', 'leechers', 'completed', 'size'] as const) {
          const { sha1s, total } = index.query({ ...QUERY, sort: key });
          const expected = contents.toSorted((a, b) => (b[key] ?? -1) - (a[key] ?? -1) || (a.sha1 < b.sha1 ? -1 : 1));
          assert.deepEqual(
            sha1s,
            expected.map(({ sha1 }) => sha1),
            key,
          );
          assert.equal(total, contents.length);
          assert.deepEqual(reader.contentsOf(sha1s).contents, expected);
        }
        reader.close();
        db.close();
      }),
      { numRuns: 30 },
    );
  });

  test('is made on a thread that is there while somebody asks', async (t) => {
    const { db, client } = stage(t, { idleMs: 50 });
    db.applyBatches(toBatches([[0, [(w) => w.content(new Uint8Array(20).fill(7), 0, 5, Buffer.from('a film'))]]]));
    assert.equal(client.isAwake, false);
    const found = await client.query({ ...QUERY, search: 'FILM' });
    assert.deepEqual(found, { sha1s: ['07'.repeat(20)], next: null, total: 1 });
    while (client.isAwake) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal((await client.query(QUERY)).total, 1, 'it is started again');
  });

  test('says what is wrong with a question, and goes on', async (t) => {
    const { client } = stage(t);
    await assert.rejects(client.query({ ...QUERY, after: 'nonsense' }), { name: 'ListingError', code: 'BAD_CURSOR' });
    assert.equal((await client.query(QUERY)).total, 0);
  });

  test('refuses more questions than it can hold', async (t) => {
    const { client } = stage(t);
    const asked = Array.from({ length: MAX_WAITING_QUERIES + 1 }, () => client.query(QUERY));
    const outcomes = await Promise.allSettled(asked);
    const refused = outcomes.filter((each) => each.status === 'rejected');
    assert.deepEqual(
      refused.map(({ reason }) => reason.code),
      ['OVERLOADED'],
    );
  });

  test('ends with the instance, and what was asked with it', async (t) => {
    const { client } = stage(t);
    const asked = client.query(QUERY).then(
      () => 'answered',
      (error: { code: string }) => error.code,
    );
    await Promise.all([client.close(), client.close()]);
    assert.match(await asked, /^(answered|CLOSED)$/);
    await assert.rejects(client.query(QUERY), { code: 'CLOSED' });
    assert.equal(client.isAwake, false);
  });
});
