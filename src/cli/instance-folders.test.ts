import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { instanceFolders } from './instance-folders.ts';

/** A data folder with instances in some of its subfolders; '' is itself. */
function folderWith(t: TestContext, ...used: string[]): string {
  const data = mkdtempSync(join(tmpdir(), 'swarmkeeper-test-'));
  t.after(() => rmSync(data, { recursive: true }));
  for (const each of used) {
    mkdirSync(join(data, each), { recursive: true });
    writeFileSync(join(data, each, 'log.db'), '');
  }
  return data;
}

test('instances have numbered folders, a single one has the folder itself', (t) => {
  const data = folderWith(t);
  assert.deepEqual(instanceFolders(data, 1), [data]);
  assert.deepEqual(instanceFolders(data, 3), [join(data, '1'), join(data, '2'), join(data, '3')]);
  assert.deepEqual(instanceFolders(join(data, 'new'), 1), [join(data, 'new')]);
});

test('an instance that was alone stays where it is, the others come beside it', (t) => {
  const data = folderWith(t, '');
  assert.deepEqual(instanceFolders(data, 1), [data]);
  assert.deepEqual(instanceFolders(data, 3), [data, join(data, '2'), join(data, '3')]);
  const grown = folderWith(t, '', '2', '3');
  assert.deepEqual(instanceFolders(grown, 5).slice(0, 3), [grown, join(grown, '2'), join(grown, '3')]);
});

test('a cluster is never started with fewer instances than it has folders', (t) => {
  for (const [used, count, enough] of [
    [['1', '2', '3'], 1, 3],
    [['', '2', '3'], 1, 3],
    [['', '2'], 1, 3],
    [['1', '2', '3', '4'], 3, 5],
    [['1'], 1, undefined],
  ] as const) {
    const data = folderWith(t, ...used);
    if (enough === undefined) {
      assert.deepEqual(instanceFolders(data, count), [join(data, '1')]);
      continue;
    }
    assert.throws(() => instanceFolders(data, count), {
      code: 'FEWER_INSTANCES',
      message: new RegExp(`use --instances ${enough}, or another --data`),
    });
  }
});

test('two folders for the first instance are refused', (t) => {
  const data = folderWith(t, '', '1', '2', '3');
  assert.throws(() => instanceFolders(data, 3), { code: 'TWO_CLUSTERS', message: /move the one you do not want away/ });
});
