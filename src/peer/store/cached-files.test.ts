import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
