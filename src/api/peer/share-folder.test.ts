import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { ShareFolder } from './share-folder.ts';

async function made(t: TestContext): Promise<{ root: string; folder: ShareFolder }> {
  const root = await mkdtemp(join(tmpdir(), 'swarmkeeper-share-folder-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  await mkdir(join(root, 'open/films'), { recursive: true });
  await mkdir(join(root, 'secret'));
  await writeFile(join(root, 'secret/key'), 'x');
  await writeFile(join(root, 'open/b10'), 'ten');
  await writeFile(join(root, 'open/b9'), '');
  await writeFile(join(root, 'open/.hidden'), '');
  await symlink(join(root, 'secret'), join(root, 'open/out'));
  await symlink('films', join(root, 'open/in'));
  return { root, folder: new ShareFolder(join(root, 'open')) };
}

const NOT_FOUND = { code: 'NOT_FOUND', statusCode: 404 };

test('It lists folders, then files in the order that people count, and neither links nor hidden files', async (t) => {
  const { folder } = await made(t);
  const { entries, isComplete } = await folder.list('');
  assert.deepEqual(
    entries.map(({ name, kind, size }) => [name, kind, size]),
    [
      ['films', 'folder', null],
      ['b9', 'file', 0],
      ['b10', 'file', 3],
    ],
  );
  assert.equal(isComplete, true);
  assert.deepEqual((await folder.list('films')).entries, []);
});

test('Links are as if they were not there, wherever they lead', async (t) => {
  const { folder } = await made(t);
  for (const entry of ['out', 'out/key', 'in']) {
    await assert.rejects(folder.resolve(entry), NOT_FOUND, entry);
    await assert.rejects(folder.list(entry), NOT_FOUND, entry);
  }
});

test('No path leads out of the folder', async (t) => {
  const { root, folder } = await made(t);
  for (const entry of [
    '..',
    '../secret/key',
    'films/../../secret',
    `/../secret`,
    join(root, 'secret'),
    'b9\0',
    'nothing',
  ]) {
    await assert.rejects(folder.resolve(entry), NOT_FOUND, entry);
  }
  const names = fc.constantFrom('..', '.', '', 'films', 'out', 'in', 'key', 'secret', 'open', 'b9');
  await fc.assert(
    fc.asyncProperty(fc.array(names, { maxLength: 6 }), async (path) => {
      const found = await folder.resolve(path.join('/')).catch(() => folder.path);
      assert.ok(found === folder.path || found.startsWith(`${folder.path}/`), found);
    }),
  );
});

test('What is no folder cannot be shared from', async (t) => {
  const { root } = await made(t);
  assert.throws(() => new ShareFolder(join(root, 'open/b9')), { code: 'NO_SHARE_FOLDER' });
  assert.throws(() => new ShareFolder(join(root, 'nowhere')), { code: 'NO_SHARE_FOLDER' });
});
