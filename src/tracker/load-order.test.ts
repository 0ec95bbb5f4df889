import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MemoryLog } from '../../test/harness/memory-log.ts';
import { temporaryFolder } from '../../test/harness/start-swarmkeeper.ts';
import { LARGE_BYTES, letMasterLoadFirst } from './load-order.ts';

test('large tables are loaded at once by the master, by others after it, and by everybody when there is none', async () => {
  await using folder = await temporaryFolder();
  const tables = join(folder.path, 'tracker.db');
  writeFileSync(tables, '');
  truncateSync(tables, LARGE_BYTES);
  const log = new MemoryLog('a');
  const loaded: string[] = [];
  const load = async (name: string, master: string | undefined) => {
    const member = new MemoryLog(name);
    member.setMaster(master);
    await letMasterLoadFirst(member, tables);
    loaded.push(name);
  };
  await Promise.all([load('slave', 'master'), load('alone', undefined), load('master', 'master')]);
  assert.deepEqual(loaded, ['master', 'alone', 'slave']);
  // Nobody waits for what takes no time.
  truncateSync(tables, LARGE_BYTES - 1);
  log.setMaster('b');
  await letMasterLoadFirst(log, tables);
  await letMasterLoadFirst(log, join(folder.path, 'no such file'));
});
