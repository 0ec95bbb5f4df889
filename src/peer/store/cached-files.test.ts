import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { CachedFiles, MAX_CACHED_FILES } from './cached-files.ts';
import { testContent } from './test-content.ts';

const PIECE = 16 * 1024;

describe('What the system has in memory', { skip: process.platform !== 'linux' }, () => {
  const content = testContent([{ path: [], length: 100_000 }], { pieceLength: PIECE });
  const { sha1, metainfo, info } = content;
  const buffer = () => new Uint8Array(new SharedArrayBuffer(50_000));

  it('is read at once, and left to the thread when it is not there, cut or changed', async (t) => {
    const folder = temporaryFolder();
    const files = CachedFiles.open({ sha1, folder, metainfo })!;
    t.after(() => files.close());
    const place = join(folder, info.name);
    writeFileSync(place, content.bytes.subarray(0, 40_000));
    await CachedFiles.makeReady();
    assert.ok(CachedFiles.isReady);
    assert.ok(files.read(0, buffer().subarray(0, 40_000)));
    assert.equal(files.read(0, buffer()), false);
    writeFileSync(place, content.bytes);
    const into = buffer();
    assert.ok(files.read(30_000, into));
    assert.deepEqual(Buffer.from(into), Buffer.from(content.bytes.subarray(30_000, 80_000)));
    files.seal();
    assert.ok(files.read(0, into));
    writeFileSync(place, content.bytes.toReversed());
    await until(() => !files.read(0, into));
    files.unseal();
    assert.ok(files.read(0, into));
  });

  it('can be sent from where it lies, within one file and as long as it is in memory and as it was', async (t) => {
    const folder = temporaryFolder();
    const two = testContent(
      [
        { path: ['a'], length: 60_000 },
        { path: ['b'], length: 40_000 },
      ],
      { pieceLength: PIECE },
    );
    const files = CachedFiles.open({ sha1: two.sha1, folder, metainfo: two.metainfo })!;
    t.after(() => files.close());
    await CachedFiles.makeReady();
    const [a, b] = two.info.files.map(({ path }) => join(folder, ...path));
    mkdirSync(dirname(a), { recursive: true });
    for (const [place, path] of [a, b].entries()) writeFileSync(path, two.file(place));
    const range = files.range(61_000, 30_000);
    if (range === undefined) return t.skip('this kernel cannot tell what is in memory (cachestat, Linux 6.5)');
    assert.equal(range.offset, 1_000);
    assert.equal(range.length, 30_000);
    const read = Buffer.alloc(30_000);
    readSync(range.file, read, 0, read.length, range.offset);
    assert.deepEqual(read, Buffer.from(two.bytes.subarray(61_000, 91_000)));
    assert.equal(files.range(59_000, 2_000), undefined, 'of two files');
    assert.equal(files.range(90_000, 20_000), undefined, 'behind the end');
    // Has the system forget what it has of the file in memory.
    execFileSync('dd', [`of=${b}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
    assert.equal(files.range(61_000, 30_000) === undefined, !files.read(61_000, read));
    files.seal();
    writeFileSync(a, two.file(0).toReversed());
    await until(() => files.range(0, 10_000) === undefined);
    rmSync(b);
    await until(() => files.range(61_000, 30_000) === undefined);
  });

  it('is left to the thread where there are many files, or no folder', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'there'));
    const many = Array.from({ length: MAX_CACHED_FILES + 1 }, (_, i) => ({ path: [`${i}`], length: 1 }));
    const { metainfo: ofMany, sha1: many1 } = testContent(many, { pieceLength: PIECE });
    assert.equal(CachedFiles.open({ sha1: many1, folder, metainfo: ofMany }), undefined);
    assert.equal(CachedFiles.open({ sha1, folder: join(folder, 'none'), metainfo }), undefined);
  });
});

/** Fails by the time-out of the test. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
