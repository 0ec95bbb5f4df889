import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { LogStore } from '../storage/log-store.ts';
import { readAll } from '../storage/read-all.ts';
import { temporaryFolder } from '../storage/storage-faults.ts';
import { ProcessCluster } from './test-processes.ts';

const NAMES = ['a', 'b', 'c'];
const KILLS = 4;

describe('raft log in processes', () => {
  it('loses nothing that it acknowledged, however often the master is killed', async (t) => {
    const cluster = new ProcessCluster(temporaryFolder(), NAMES, randomInt(20_000, 30_000));
    t.after(() => cluster.killAll());
    const first = cluster.nextMaster();
    for (const name of NAMES) cluster.start(name);
    let master = await first;
    for (let i = 0; i < KILLS; i++) {
      const next = cluster.nextMaster(master);
      await cluster.kill(master);
      const successor = await next;
      cluster.start(master);
      master = successor;
    }
    const more = cluster.acknowledged.length + 500;
    while (cluster.acknowledged.length < more) await cluster.nextMaster();
    await cluster.killAll();

    const logs = NAMES.map((name) => readLog(join(cluster.folder, name)));
    // Each acknowledged entry is on a majority of disks, and the log that would win an election has all of them.
    for (const line of cluster.acknowledged) {
      const index = Number.parseInt(line, 10);
      const holders = logs.filter((log) => log[index - 1]?.line === line);
      assert.ok(holders.length >= 2, `"${line}" is on ${holders.length} disks`);
    }
    const best = logs.reduce((a, b) => (isBetter(b, a) ? b : a));
    assert.deepEqual(
      cluster.acknowledged.filter((line) => best[Number.parseInt(line, 10) - 1]?.line !== line),
      [],
    );
  });

  it('has everything that it acknowledged when the only one of a cluster is killed', async (t) => {
    const cluster = new ProcessCluster(temporaryFolder(), ['a'], randomInt(20_000, 30_000));
    t.after(() => cluster.killAll());
    cluster.start('a');
    while (cluster.acknowledged.length < 2_000) await cluster.nextMaster();
    await cluster.killAll();
    const log = readLog(join(cluster.folder, 'a'));
    assert.deepEqual(
      cluster.acknowledged.filter((line) => log[Number.parseInt(line, 10) - 1]?.line !== line),
      [],
    );
  });
});

type Log = readonly { readonly line: string; readonly term: number }[];

function readLog(folder: string): Log {
  const store = LogStore.open(folder, 'test');
  const entries = readAll(store);
  store.close();
  return entries.map(({ index, term, batch }) => ({ line: `${index} ${Buffer.from(batch)}`, term }));
}

/** Raft §5.4.1. */
function isBetter(a: Log, b: Log): boolean {
  const [termA, termB] = [a.at(-1)?.term ?? 0, b.at(-1)?.term ?? 0];
  return termA > termB || (termA === termB && a.length > b.length);
}
