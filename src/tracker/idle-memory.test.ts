import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IdleMemory, RUSH_ENTRIES } from './idle-memory.ts';

test('memory is released once after a rush, when nothing changes any more and the tables have everything', () => {
  let releases = 0;
  const memory = new IdleMemory(() => releases++);
  memory.turn(RUSH_ENTRIES, RUSH_ENTRIES);
  assert.equal(releases, 0, 'it may be going on');
  memory.turn(RUSH_ENTRIES + 1n, RUSH_ENTRIES + 1n);
  memory.turn(RUSH_ENTRIES + 1n, RUSH_ENTRIES);
  assert.equal(releases, 0, 'the tables lack an entry');
  for (let turn = 0; turn < 3; turn++) memory.turn(RUSH_ENTRIES + 1n, RUSH_ENTRIES + 1n);
  assert.equal(releases, 1);
  for (let turn = 0; turn < 3; turn++) memory.turn(RUSH_ENTRIES + 2n, RUSH_ENTRIES + 2n);
  assert.equal(releases, 1, 'an entry is no rush');
});
