import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { MAX_CACHED_FILES } from './cached-files.ts';
import { Reading } from './reading.ts';
import { StoreError } from './storage-messages.ts';
import { testContent } from './test-content.ts';

const PIECE = 16 * 1024;
const SIZE = 3 * PIECE + 1;

const code = (expected: string) => (error: unknown) => error instanceof StoreError && error.code === expected;

function threadsStarted(t: { after(act: () => void): void }): () => number {
  let started = 0;
  const count = () => {
    started++;
  };
  process.on('worker', count);
  t.after(() => process.off('worker', count));
  return () => started;
}

describe('What is read for others', () => {
  const { sha1, metainfo, info, bytes } = testContent([{ path: [], length: SIZE }], { pieceLength: PIECE });

  function setting(t: { after(act: () => Promise<void>): void }) {
    const folder = temporaryFolder();
    const place = join(folder, info.name);
    writeFileSync(place, bytes);
    const reading = new Reading();
    t.after(() => reading.end());
    reading.open({ sha1, folder, metainfo });
    const read = async (offset: number, length: number) => {
      const into = new Uint8Array(new SharedArrayBuffer(length));
      // As who sends does.
      if (!reading.readCached(sha1, offset, into)) await reading.read(sha1, offset, into);
      return Buffer.from(into);
    };
    return { folder, place, reading, read };
  }

  it('needs no thread as long as the system has it in memory', { skip: process.platform !== 'linux' }, async (t) => {
    const started = threadsStarted(t);
    const { place, reading, read } = setting(t);
    assert.deepEqual(await read(5, PIECE), Buffer.from(bytes.subarray(5, 5 + PIECE)));
    await reading.seal(sha1);
    assert.deepEqual(await read(0, SIZE), Buffer.from(bytes));
    assert.equal(started(), 0);
    writeFileSync(place, bytes.subarray(0, PIECE));
    await reading.unseal(sha1);
    await assert.rejects(read(0, SIZE), code('TOO_SHORT'));
    assert.equal(started(), 1);
  });

  it('is not what was changed after it was sealed, also where the thread came later than the change', async (t) => {
    const { place, reading, read } = setting(t);
    await reading.seal(sha1);
    writeFileSync(place, bytes.subarray(1));
    await assert.rejects(read(0, PIECE), code('CHANGED'));
    await reading.unseal(sha1);
    assert.deepEqual(await read(0, PIECE), Buffer.from(bytes.subarray(1, 1 + PIECE)));
    await reading.seal(sha1);
    writeFileSync(place, bytes);
    await assert.rejects(read(0, PIECE), code('CHANGED'));
  });

  it('is told apart from what is not open, or no more', async (t) => {
    const { reading, read } = setting(t);
    await reading.close(sha1);
    await assert.rejects(read(0, 1), code('NOT_OPEN'));
    assert.equal(reading.readCached(sha1, 0, new Uint8Array(new SharedArrayBuffer(1))), false);
  });

  it('can be had once its folder is there', async (t) => {
    const many = Array.from({ length: MAX_CACHED_FILES + 1 }, (_, i) => ({ path: [`${i}`], length: 10 }));
    const content = testContent(many, { pieceLength: PIECE });
    const folder = join(temporaryFolder(), 'later');
    const reading = new Reading();
    t.after(() => reading.end());
    reading.open({ sha1: content.sha1, folder, metainfo: content.metainfo });
    const into = new Uint8Array(new SharedArrayBuffer(30));
    await assert.rejects(reading.read(content.sha1, 5, into), StoreError);
    for (const { path, offset, length } of content.info.files) {
      const place = join(folder, ...path);
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, content.bytes.subarray(offset, offset + length));
    }
    await reading.read(content.sha1, 5, into);
    assert.deepEqual(Buffer.from(into), Buffer.from(content.bytes.subarray(5, 35)));
  });
});
