import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ContentsIndex, type IndexQuery } from './contents-index.ts';
import { IndexKeeper, REST_FACTOR, WAIT_MS } from './index-keeper.ts';

const QUERY: IndexQuery = { search: '', sort: 'sha1', order: 'asc', after: undefined, limit: 10 };

/** Tables whose index takes so long to make, and a clock. */
function stage(tookMs: number) {
  const source = {
    rows: 1,
    time: 0,
    applied: 1n,
    made: 0,
    tookMs,
    /** Holds the next index back until it is called. */
    finish: undefined as (() => void) | undefined,
    hold: false,
    fails: false,
    appliedIndex: () => source.applied,
    now: () => source.time,
    async read() {
      const { rows } = source;
      if (source.hold) await new Promise<void>((resolve) => (source.finish = resolve));
      source.time += source.tookMs;
      source.made++;
      if (source.fails) throw new Error('the tables are gone');
      const index = new ContentsIndex();
      for (let row = 0; row < rows; row++) {
        const sha1 = row.toString(16).padStart(40, '0');
        index.add({ sha1, name: null, size: null, seeders: 0, leechers: 0, completed: 0 });
      }
      return index;
    },
  };
  /** One more content, logged. */
  const add = () => {
    source.rows++;
    source.applied++;
  };
  const keeper = new IndexKeeper(source);
  return { source, add, total: async () => (await keeper.query(QUERY)).total };
}

test('one that is quickly made is made before it answers, as soon as it has rested', async () => {
  const { source, add, total } = stage(5);
  assert.equal(await total(), 1);
  add();
  assert.equal(await total(), 1, 'it rests');
  source.time += REST_FACTOR * 5;
  assert.equal(await total(), 2);
  assert.equal(source.made, 2);
});

test('without a change none is made', async () => {
  const { source, total } = stage(5);
  for (let n = 0; n < 3; n++) {
    await total();
    source.time += 1_000_000;
  }
  assert.equal(source.made, 1);
});

test('while one that takes long is made, the one before answers', async () => {
  const { source, add, total } = stage(WAIT_MS + 1);
  assert.equal(await total(), 1);
  add();
  source.time += REST_FACTOR * (WAIT_MS + 1);
  source.hold = true;
  assert.deepEqual(await Promise.all([total(), total()]), [1, 1]);
  source.finish!();
  await turn();
  assert.equal(await total(), 2);
  assert.equal(source.made, 2, 'both asked for the same one');
});

test('many that ask for the first one wait for the same', async () => {
  const { source, total } = stage(1_000);
  assert.deepEqual(await Promise.all([total(), total(), total()]), [1, 1, 1]);
  assert.equal(source.made, 1);
});

test('one that cannot be made is refused, and tried again', async () => {
  const { source, total } = stage(5);
  source.fails = true;
  await assert.rejects(total(), /the tables are gone/);
  source.fails = false;
  assert.equal(await total(), 1);
});
