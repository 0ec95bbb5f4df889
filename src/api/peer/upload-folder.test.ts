import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { UploadFolder } from './upload-folder.ts';

const QUIET = new AbortController().signal;
const nobody = () => {};

async function emptyFolder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'swarmkeeper-uploads-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const body = (...parts: string[]) => Readable.from(parts.map((part) => Buffer.from(part)));

test('A file is there under its name when all of it came', async (t) => {
  const folder = new UploadFolder(await emptyFolder(t));
  const told: number[] = [];
  const path = await folder.receive('a', 6, body('abc', 'def'), QUIET, (bytes) => told.push(bytes));
  assert.equal(path, join(folder.path, 'a'));
  assert.deepEqual(told, [3, 6]);
});

test('Too few or too many bytes leave nothing behind', async (t) => {
  const folder = new UploadFolder(await emptyFolder(t));
  for (const size of [5, 7]) {
    await assert.rejects(folder.receive('a', size, body('abcdef'), QUIET, nobody), { code: 'INCOMPLETE' });
  }
  assert.deepEqual((await readdir(folder.path, { recursive: true })).sort(), ['.swarmkeeper-unfinished']);
});

test('More than the disk has room for is refused before a byte is written', async (t) => {
  const folder = new UploadFolder(await emptyFolder(t));
  await assert.rejects(folder.receive('a', Number.MAX_SAFE_INTEGER, body('x'), QUIET, nobody), { code: 'NO_ROOM' });
  assert.deepEqual(await readdir(folder.path), []);
});

test('Names that lead elsewhere, are hidden or are too long are refused; others get a number when they are taken', async (t) => {
  const folder = new UploadFolder(await emptyFolder(t));
  for (const name of ['..', '.', 'a/b', '', '.swarmkeeper-unfinished', 'a\0', 'x'.repeat(256)]) {
    await assert.rejects(folder.receive(name, 1, body('x'), QUIET, nobody), { code: 'BAD_NAME' }, name);
  }
  const long = `${'é'.repeat(125)}.mkv`;
  const dotted = `a.${'b'.repeat(253)}`;
  for (const name of ['a.mkv', long, dotted]) {
    await folder.receive(name, 1, body('x'), QUIET, nobody);
    await folder.receive(name, 1, body('x'), QUIET, nobody);
  }
  const cut = `${'é'.repeat(123)} (2).mkv`;
  const expected = ['.swarmkeeper-unfinished', 'a.mkv', 'a (2).mkv', long, cut, dotted, `a.${'b'.repeat(249)} (2)`];
  assert.deepEqual((await readdir(folder.path)).sort(), expected.sort());
});

test('What an earlier run did not finish is removed', async (t) => {
  const path = await emptyFolder(t);
  await mkdir(join(path, '.swarmkeeper-unfinished'));
  await writeFile(join(path, '.swarmkeeper-unfinished/half'), 'x');
  await writeFile(join(path, 'whole'), 'x');
  new UploadFolder(path);
  assert.deepEqual(await readdir(path), ['whole']);
});
