import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { PEER_FILE, PeerDatabase } from '../database.ts';
import { ChunkStore, LostChunksError } from './chunk-store.ts';
import { readContent } from './content-reader.ts';
import { FileError } from './file-layer.ts';
import { hashOfPiece } from './piece-hash.ts';
import { sha1OfEach } from './sha1-of-each.ts';
import { PowerCutError, PowerCutFiles } from './storage-faults.ts';
import { type TestContent, testContent } from './test-content.ts';

const PIECE = 1024;
const single = (size = 5 * PIECE + 7) => testContent([{ path: [], length: size }], { pieceLength: PIECE });

interface Setting {
  readonly content: TestContent;
  readonly files: PowerCutFiles;
  readonly database: PeerDatabase;
  open(groupBytes?: number): ChunkStore;
}

function setting(t: TestContext, content: TestContent = single()): Setting {
  const database = PeerDatabase.open(join(temporaryFolder(), PEER_FILE));
  t.after(() => database.close());
  database.saveContent({ sha1: content.sha1, folder: '/x', metainfo: content.metainfo });
  const files = new PowerCutFiles();
  const open = (groupBytes = 2 * PIECE) => ChunkStore.open({ database, files, info: content.info, groupBytes });
  return { content, files, database, open };
}

const isTooLong = (error: unknown) => error instanceof FileError && error.code === 'TOO_LONG';
/** @returns those that are right */
const checkAll = (store: ChunkStore, { files, content }: Pick<Setting, 'files' | 'content'>) =>
  [...store.doubtful].filter((piece) => {
    const bytes = new Uint8Array(content.piece(piece).length);
    let isRight = false;
    try {
      readContent(content.info.files, files, piece * PIECE, bytes);
      isRight = Buffer.compare(sha1OfEach([bytes])[0], hashOfPiece(content.info, piece)) === 0;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
    }
    store.checked(piece, isRight);
    return isRight;
  });
const putAll = (store: ChunkStore, { content }: Setting) => {
  for (let piece = 0; piece < content.info.pieceCount; piece++) store.put(piece, content.piece(piece));
};
const rows = ({ database, content }: Setting) => database.chunks(content.sha1).map((offset) => offset / PIECE);

describe('The chunk store', () => {
  it('writes chunks to their files, and reads them back', (t) => {
    const content = testContent(
      [
        { path: ['a'], length: 1500 },
        { path: ['sub', 'empty'], length: 0 },
        { path: ['sub', 'b'], length: 3000 },
      ],
      { pieceLength: PIECE, padFiles: true },
    );
    const place = setting(t, content);
    const store = place.open();
    putAll(store, place);
    store.makeEmptyFiles();
    assert.ok(store.have.isFull);
    for (const [at, { path, kind }] of content.info.files.entries()) {
      assert.deepEqual(place.files.content(path), kind === 'file' ? content.file(at) : undefined, path.join('/'));
    }
    const all = new Uint8Array(content.info.size).fill(0xee);
    store.read(0, all);
    assert.deepEqual(all, content.bytes);
    store.close();
    assert.deepEqual(rows(place), [0, 1, 2, 3, 4]);
  });

  it('writes rows at the end of a group, after its files were synced', (t) => {
    const place = setting(t);
    const store = place.open();
    store.put(0, place.content.piece(0));
    assert.deepEqual([rows(place), place.files.syncs, store.groupBytes], [[], 0, PIECE]);
    store.put(3, place.content.piece(3));
    assert.deepEqual([rows(place), place.files.syncs, store.groupBytes], [[0, 3], 1, 0]);
    store.put(1, place.content.piece(1));
    store.flush();
    assert.deepEqual(rows(place), [0, 1, 3]);
    store.put(1, place.content.piece(1));
    assert.equal(store.groupBytes, 0, 'once more is no news');
  });

  it('trusts its rows after a clean stop, and hashes the last group after another', (t) => {
    const place = setting(t);
    const store = place.open();
    putAll(store, place);
    store.close();
    store.close();
    const clean = place.open();
    assert.deepEqual([clean.have.count, clean.doubtful.count], [6, 0]);
    clean.doubtAll();
    assert.deepEqual([clean.have.count, clean.doubtful.count], [0, 6]);
    assert.equal(checkAll(clean, place).length, 6);
    clean.flush();
    // No clean stop: the process is killed here.
    const killed = place.open();
    assert.deepEqual([...killed.doubtful], [4, 5]);
    assert.deepEqual([...killed.have], [0, 1, 2, 3]);
    assert.deepEqual(checkAll(killed, place), [4, 5]);
    killed.close();
    assert.equal(place.open().have.count, 6);
  });

  it('loses the row of a chunk in doubt that is wrong, and only that', (t) => {
    const place = setting(t);
    const first = place.open();
    putAll(first, place);
    first.flush();
    const bytes = place.files.content(['content']) as Uint8Array;
    bytes[4 * PIECE + 3] ^= 0xff;
    const store = place.open();
    assert.deepEqual(checkAll(store, place), [5]);
    assert.deepEqual(rows(place), [0, 1, 2, 3, 5]);
    store.put(4, place.content.piece(4));
    assert.ok(store.have.isFull);
  });

  it('hashes a file that was changed after a clean stop, and leaves the others', (t) => {
    const content = testContent(
      [
        { path: ['a'], length: 2 * PIECE },
        { path: ['b'], length: 2 * PIECE },
      ],
      { pieceLength: PIECE },
    );
    const place = setting(t, content);
    const store = place.open();
    putAll(store, place);
    store.close();
    const changed = content.file(1).slice();
    changed[0] ^= 1;
    place.files.place(['content', 'b'], changed);
    const again = place.open();
    assert.deepEqual([...again.have], [0, 1]);
    assert.deepEqual([...again.doubtful], [2, 3]);
    // Killed before it was hashed: it is in doubt still, though the next stop is clean.
    place.open().close();
    const third = place.open();
    assert.deepEqual(checkAll(third, place), [3]);
    assert.deepEqual(rows(place), [0, 1, 3]);
  });

  it('drops rows at once where a file is missing or has another length', (t) => {
    for (const change of ['missing', 'shorter', 'longer'] as const) {
      const place = setting(t);
      const store = place.open();
      putAll(store, place);
      store.close();
      if (change === 'missing') place.files.remove(['content']);
      else place.files.resize(['content'], place.content.info.size + (change === 'longer' ? 1 : -PIECE));
      const again = place.open();
      assert.deepEqual([rows(place), again.have.count], [[], 0], change);
      if (change === 'longer') assert.throws(() => checkAll(again, place), isTooLong);
      else assert.equal(checkAll(again, place).length, change === 'missing' ? 0 : 4);
    }
  });

  it('finds a content that somebody else put there', (t) => {
    const place = setting(t);
    place.files.place(['content'], place.content.bytes);
    const store = place.open();
    assert.deepEqual([store.have.count, store.doubtful.count], [0, 6]);
    assert.equal(checkAll(store, place).length, 6);
    store.close();
    assert.equal(place.open().have.count, 6);
  });

  it('takes files on trust from who has just hashed them, if they are there', (t) => {
    const place = setting(t);
    place.files.place(['content'], place.content.bytes);
    const store = place.open();
    store.adopt();
    assert.deepEqual([store.have.count, store.doubtful.count, rows(place).length], [6, 0, 6]);
    const other = setting(t);
    const empty = other.open();
    empty.adopt();
    assert.deepEqual([empty.have.count, rows(other)], [0, []]);
  });

  it('does not cut a file that is longer than it should be', (t) => {
    const place = setting(t);
    place.files.place(['content'], new Uint8Array(place.content.info.size + 1));
    const store = place.open();
    assert.throws(() => store.put(0, place.content.piece(0)), isTooLong);
    assert.equal(store.have.count, 0);
    assert.equal(place.files.content(['content'])?.length, place.content.info.size + 1);
  });

  it('goes on with a file that is shorter, or there by now, as it is', (t) => {
    const place = setting(t);
    const store = place.open();
    place.files.place(['content'], place.content.bytes.subarray(0, 2 * PIECE));
    store.put(1, place.content.piece(1));
    const there = place.files.content(['content']);
    assert.equal(there?.length, place.content.info.size);
    assert.deepEqual(there?.subarray(0, 2 * PIECE), place.content.bytes.subarray(0, 2 * PIECE));
  });

  it('keeps out what could not be written, and goes on when it can', (t) => {
    const place = setting(t);
    const store = place.open();
    for (const method of ['resize', 'write'] as const) {
      place.files.failNext = { method, code: 'DISK_FULL' };
      assert.throws(
        () => store.put(0, place.content.piece(0)),
        (error) => error instanceof FileError && error.code === 'DISK_FULL',
      );
      assert.equal(store.have.has(0), false);
    }
    store.put(0, place.content.piece(0));
    store.flush();
    assert.deepEqual(rows(place), [0]);
  });

  it('claims nothing of a group whose sync failed, though it can be read', (t) => {
    const place = setting(t);
    const store = place.open();
    store.put(0, place.content.piece(0));
    place.files.failNext = { method: 'sync', code: 'FILE_FAILED' };
    assert.throws(
      () => store.put(1, place.content.piece(1)),
      (error) => error instanceof LostChunksError && error.pieces.join() === '0,1',
    );
    assert.deepEqual([rows(place), [...store.have]], [[], []]);
    putAll(store, place);
    store.flush();
    assert.equal(rows(place).length, 6);
  });

  it('claims nothing of a file that was deleted while it was written', (t) => {
    const place = setting(t);
    const store = place.open(100 * PIECE);
    store.put(0, place.content.piece(0));
    const { sync } = PowerCutFiles.prototype;
    // Who has a deleted file open can still sync it.
    place.files.sync = (paths) => {
      sync.call(place.files, paths);
      place.files.remove(['content']);
    };
    assert.throws(() => store.flush(), LostChunksError);
    assert.deepEqual(rows(place), []);
  });

  it('deletes rows before it touches what they speak of', (t) => {
    const place = setting(t);
    const store = place.open();
    putAll(store, place);
    store.flush();
    // Killed, and the chunk in doubt is fetched again instead of hashed.
    const again = place.open();
    place.files.cutAfter(0);
    assert.throws(() => again.put(5, place.content.piece(5)), PowerCutError);
    assert.deepEqual(rows(place), [0, 1, 2, 3, 4]);
    // Cut by somebody, found by a re-check, made longer.
    place.files.cutAfter(Number.POSITIVE_INFINITY);
    again.doubtAll();
    place.files.place(['content'], place.content.bytes.subarray(0, 2 * PIECE));
    place.files.cutAfter(0);
    assert.throws(() => again.checked(0, true), PowerCutError);
    assert.deepEqual(rows(place), []);
  });

  it('never claims what is not on the disk, wherever the power is cut, and loses no finished group', () => {
    const folder = temporaryFolder();
    let runs = 0;
    const lengths = fc.array(fc.oneof(fc.constantFrom(0, PIECE, 3 * PIECE), fc.nat(3 * PIECE)), {
      minLength: 1,
      maxLength: 4,
    });
    const act = fc.oneof(
      { weight: 8, arbitrary: fc.record({ what: fc.constant('put' as const), piece: fc.nat(20) }) },
      {
        weight: 2,
        arbitrary: fc.record({
          what: fc.constantFrom('flush', 'restart', 'kill', 'recheck', 'damage'),
          piece: fc.nat(20),
        }),
      },
    );
    const lives = fc.array(fc.record({ acts: fc.array(act, { maxLength: 20 }), cutAfter: fc.nat(25) }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(lengths, fc.boolean(), lives, fc.nat(), (sizes, padFiles, plan, seed) => {
        let state = seed >>> 0;
        const random = () => {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
          return state / 2 ** 32;
        };
        const content = testContent(
          sizes.map((length, i) => ({ path: [String(i)], length })),
          { pieceLength: PIECE, padFiles },
        );
        const { info, sha1 } = content;
        if (info.pieceCount === 0) return;
        const database = PeerDatabase.open(join(folder, `${runs++}.db`));
        database.saveContent({ sha1, folder: '/x', metainfo: content.metainfo });
        const files = new PowerCutFiles();
        const open = () => {
          const store = ChunkStore.open({ database, files, info, groupBytes: 2 * PIECE });
          checkAll(store, { files, content });
          return store;
        };
        /** Rows that no damage was done to. */
        let safe = new Set<number>();
        const noteSafe = () => {
          for (const offset of database.chunks(sha1)) safe.add(offset / PIECE);
        };
        for (const { acts, cutAfter } of plan) {
          files.cutAfter(cutAfter);
          try {
            let store = open();
            for (const { what, piece } of acts) {
              const at = piece % info.pieceCount;
              if (what === 'put') store.put(at, content.piece(at));
              else if (what === 'flush') store.flush();
              else if (what === 'recheck') store.doubtAll();
              else if (what === 'damage') {
                const place = info.files.findIndex(({ kind, length }) => kind === 'file' && length > 0);
                const { path } = info.files[place];
                const bytes = files.content(path);
                if (!bytes) continue;
                // A file that lost its tail on the way from a backup: found by its length.
                store.close();
                files.place(path, bytes.subarray(0, bytes.length - 1));
                safe = new Set(
                  [...safe].filter((one) => one * PIECE >= info.files[place].offset + info.files[place].length),
                );
                store = open();
              } else {
                if (what === 'restart') store.close();
                store = open();
              }
              if (what === 'recheck') checkAll(store, { files, content });
              noteSafe();
            }
          } catch (error) {
            const cause = error instanceof LostChunksError ? error.cause : error;
            if (!(cause instanceof PowerCutError)) throw error;
          }
          files.restore(random);
          const there = new Uint8Array(PIECE);
          const reader = ChunkStore.open({ database, files, info, groupBytes: 2 * PIECE });
          // Whatever rows there are now, trusted or not, what they speak of is on the disk.
          for (const piece of rows({ database, content } as Setting)) {
            const bytes = there.subarray(0, content.piece(piece).length);
            reader.read(piece * PIECE, bytes);
            assert.deepEqual(bytes, content.piece(piece), `row of chunk ${piece}`);
          }
          checkAll(reader, { files, content });
          for (const piece of safe) assert.ok(reader.have.has(piece), `chunk ${piece} had a row and was lost`);
        }
        const last = open();
        for (let piece = 0; piece < info.pieceCount; piece++) {
          last.put(piece, content.piece(piece));
        }
        last.close();
        for (const [place, { path, kind, length }] of info.files.entries()) {
          if (kind === 'file' && length > 0) assert.deepEqual(files.content(path), content.file(place));
        }
        database.close();
      }),
      { numRuns: 40 },
    );
  });
});
