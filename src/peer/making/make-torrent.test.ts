import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { DownloadManager } from '../download-manager.ts';
import { readMetainfo } from '../store/local-metainfo.ts';
import { makeTorrent } from './make-torrent.ts';
import { SourceError } from './source-files.ts';

const KIB = 1024;
const bytes = (length: number, salt = 1) => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 7) * salt) & 0xff);

function folderOf(): string {
  const folder = join(temporaryFolder(), 'shared');
  mkdirSync(join(folder, 'b', 'deep'), { recursive: true });
  writeFileSync(join(folder, 'b', 'deep', 'file'), bytes(100_000));
  writeFileSync(join(folder, 'a'), bytes(40_000, 3));
  writeFileSync(join(folder, 'empty'), '');
  chmodSync(join(folder, 'a'), 0o755);
  symlinkSync('/etc/passwd', join(folder, 'link'));
  symlinkSync('..', join(folder, 'b', 'loop'));
  return folder;
}
const refusal = (code: string) => (error: unknown) => error instanceof SourceError && error.code === code;

describe('A torrent made of files', () => {
  it('is what a peer finds right, file by file, links left out', async (t) => {
    for (const padFiles of [false, true]) {
      const path = folderOf();
      const progress: number[] = [];
      const made = await makeTorrent(path, {
        pieceLength: 32 * KIB,
        padFiles,
        trackers: [['udp://a:1']],
        comment: 'hello',
        onProgress: (done, total) => progress.push(done / total),
      });
      const { info, trackers, comment } = readMetainfo(made.metainfo);
      const files = info.files.filter(({ kind }) => kind === 'file');
      assert.deepEqual(
        files.map((file) => [file.path.join('/'), file.length, file.executable]),
        [
          ['shared/a', 40_000, true],
          ['shared/b/deep/file', 100_000, false],
          ['shared/empty', 0, false],
        ],
      );
      assert.deepEqual([trackers, comment, progress.at(-1)], [[['udp://a:1']], 'hello', 1]);
      const manager = new DownloadManager({ dataFolder: temporaryFolder() });
      t.after(() => manager.close());
      const download = await manager.add(made);
      await download.settled();
      assert.equal(download.state, 'seeding');
    }
  });

  it('is the same for the same files, and another with other hashes or when it is private', async () => {
    const path = folderOf();
    const hashOf = async (options: Parameters<typeof makeTorrent>[1]) => {
      const { info } = readMetainfo((await makeTorrent(path, options)).metainfo);
      return Buffer.from(info.infoHash).toString('hex');
    };
    const first = await hashOf({});
    assert.equal(await hashOf({ comment: 'no part of the info' }), first);
    assert.notEqual(await hashOf({ isPrivate: true }), first);
    writeFileSync(join(path, 'a'), bytes(40_000, 4));
    assert.notEqual(await hashOf({}), first);
  });

  it('may be of one file, of however many pieces', async () => {
    const path = join(temporaryFolder(), 'one.bin');
    for (const length of [0, 1, 64 * KIB, 3_000_000]) {
      writeFileSync(path, bytes(length));
      const made = await makeTorrent(path, { pieceLength: 64 * KIB });
      const { info } = readMetainfo(made.metainfo);
      assert.deepEqual([info.name, info.isFolder, info.size], ['one.bin', false, length]);
    }
  });

  it('is seeded without being hashed again when it was just made', async (t) => {
    const made = await makeTorrent(folderOf());
    const manager = new DownloadManager({ dataFolder: temporaryFolder() });
    t.after(() => manager.close());
    const download = await manager.add({ ...made, isJustMade: true });
    await download.settled();
    assert.equal(download.state, 'seeding');
  });

  it('is refused with the reason', async () => {
    const folder = temporaryFolder();
    await assert.rejects(makeTorrent(join(folder, 'none')), refusal('NOT_FOUND'));
    await assert.rejects(makeTorrent(folder), refusal('EMPTY'));
    await assert.rejects(makeTorrent('/dev/null'), refusal('NOT_FOUND'));
    const path = folderOf();
    await assert.rejects(makeTorrent(path, { signal: AbortSignal.abort() }), refusal('ABORTED'));
    const growing = makeTorrent(path, { onProgress: () => writeFileSync(join(path, 'late'), 'x') });
    await assert.rejects(growing, refusal('CHANGED'));
  });
});
