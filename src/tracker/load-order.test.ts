import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { MemoryLog } from '../../test/harness/memory-log.ts';
import { temporaryFolder } from '../../test/harness/start-swarmkeeper.ts';
import type { MemberStatus } from '../cluster/replicated-log.ts';
import { LARGE_BYTES, LoadOrder } from './load-order.ts';

const masterAt = (lag: bigint, stateHash: string): MemberStatus => ({
  id: 'master',
  name: 'master',
  address: '127.0.0.1',
  clientPort: 1,
  role: 'master',
  voter: true,
  alive: true,
  lastKeepaliveMs: 0,
  appliedIndex: 0n,
  lag,
  stateHash,
});

test('large tables are loaded while there is no master, by the master itself, and by others when it is done', async () => {
  await using folder = await temporaryFolder();
  const tables = join(folder.path, 'tracker.db');
  writeFileSync(tables, '');
  truncateSync(tables, LARGE_BYTES);
  const log = new MemoryLog('slave');
  const order = new LoadOrder(log, tables);
  await order.turn();
  log.setMaster('slave');
  await order.turn();

  log.setMaster('master');
  let mayGoOn = false;
  const turn = order.turn().then(() => {
    mayGoOn = true;
  });
  for (const members of [[], [masterAt(0n, '')], [masterAt(1_000n, '1f')]]) {
    log.members = members;
    await pause(30);
    assert.equal(mayGoOn, false);
  }
  log.members = [masterAt(10n, '1f')];
  await turn;
});

test('who stands back for a master that says nothing goes on after a while, and small tables wait for nobody', async () => {
  await using folder = await temporaryFolder();
  const tables = join(folder.path, 'tracker.db');
  const log = new MemoryLog('slave');
  log.setMaster('master');
  await new LoadOrder(log, join(folder.path, 'no such file')).turn();
  writeFileSync(tables, '');
  truncateSync(tables, LARGE_BYTES - 1);
  await new LoadOrder(log, tables).turn();
  truncateSync(tables, LARGE_BYTES);
  await new LoadOrder(log, tables).turn();
});
