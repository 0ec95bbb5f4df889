import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../storage/storage-faults.ts';
import { SnapshotFiles } from './snapshot-files.ts';

const CHUNK_BYTES = 10_000;

async function made(content: Uint8Array, index = 7): Promise<SnapshotFiles> {
  const files = new SnapshotFiles(temporaryFolder(), 0);
  await files.make(async (path) => {
    writeFileSync(path, content);
    return index;
  });
  return files;
}

/** Carries a snapshot over; `change` may spoil a piece. */
async function carry(from: SnapshotFiles, to: SnapshotFiles, change = (data: Uint8Array) => data): Promise<string> {
  for (let offset = 0; ; ) {
    const piece = await from.read(7, offset, CHUNK_BYTES);
    assert.ok(piece);
    const outcome = await to.stage(7, offset, change(piece.data), piece.last);
    if (piece.last) return outcome;
    assert.equal(outcome, 'partial');
    offset += piece.data.length;
  }
}

describe('SnapshotFiles', () => {
  it('carries a file over in pieces, and keeps it over a restart while the log begins behind it', async () => {
    const content = randomBytes(45_000);
    const folder = temporaryFolder();
    const to = new SnapshotFiles(folder, 0);
    assert.equal(await carry(await made(content), to), 'complete');
    assert.equal(to.restored, undefined);
    const { index, path } = to.installed(7);
    assert.equal(index, 7);
    assert.deepEqual(readFileSync(path), content);
    assert.deepEqual(new SnapshotFiles(folder, 7).restored, { index, path });
    assert.equal(new SnapshotFiles(folder, 8).restored, undefined);
    assert.throws(() => readFileSync(path), { code: 'ENOENT' });
  });

  it('refuses what changed on the way, and takes it the second time', async () => {
    const from = await made(randomBytes(45_000));
    const to = new SnapshotFiles(temporaryFolder(), 0);
    let pieces = 0;
    const spoil = (data: Uint8Array) => (++pieces === 2 ? data.map((byte) => byte ^ 1) : data);
    assert.equal(await carry(from, to, spoil), 'corrupt');
    assert.equal(await carry(from, to), 'complete');
  });

  it('compresses', async () => {
    const from = await made(Buffer.alloc(1_000_000, 'peer'));
    const piece = await from.read(7, 0, CHUNK_BYTES);
    assert.equal(piece?.last, true);
  });

  it('keeps the newest only, and says that another one does not exist', async () => {
    const files = await made(randomBytes(100));
    await files.make(async (path) => {
      writeFileSync(path, 'newer');
      return 9;
    });
    assert.equal(await files.read(7, 0, CHUNK_BYTES), null);
    assert.ok(await files.read(9, 0, CHUNK_BYTES));
    assert.equal(await files.read(9, 1_000, CHUNK_BYTES), null);
  });
});
