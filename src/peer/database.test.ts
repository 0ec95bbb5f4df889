import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { StorageError } from '../cluster/storage/sqlite-file.ts';
import { temporaryFolder } from '../cluster/storage/storage-faults.ts';
import { PEER_FILE, PeerDatabase } from './database.ts';

/** SQLite would take each of these for a number. */
const DIGITS = '1234567890'.repeat(4);
const EXPONENT = `1e${'0'.repeat(38)}`;
const content = (sha1: string) => ({ sha1, folder: '/downloads', metainfo: Uint8Array.of(1, 2, 3) });

describe('The database of a peer', () => {
  it('keeps the chunks of each content over a restart, whatever its sha1 looks like', () => {
    const path = join(temporaryFolder(), 'sub', PEER_FILE);
    const database = PeerDatabase.open(path);
    for (const [at, sha1] of [DIGITS, EXPONENT, 'a'.repeat(40)].entries()) {
      database.saveContent(content(sha1));
      database.change(sha1, { addChunks: [32_768, 0, 16_384 * (at + 3)] });
    }
    database.close();
    database.close();
    const again = PeerDatabase.open(path);
    assert.deepEqual(again.contents(), [DIGITS, EXPONENT, 'a'.repeat(40)].map(content));
    assert.deepEqual(again.chunks(DIGITS), [0, 32_768, 49_152]);
    assert.deepEqual(again.chunks(EXPONENT), [0, 32_768, 65_536]);
    assert.deepEqual(again.chunks('b'.repeat(40)), []);
    again.close();
    const plain = new DatabaseSync(path);
    const rows = plain.prepare('SELECT DISTINCT sha1, typeof(sha1) AS type FROM CHUNK ORDER BY sha1').all();
    assert.deepEqual(
      rows.map(({ sha1, type }) => `${type} ${sha1}`),
      [`text ${DIGITS}`, `text ${EXPONENT}`, `text ${'a'.repeat(40)}`],
    );
    plain.close();
  });

  it('knows offsets beyond 32 bits', () => {
    const database = PeerDatabase.open(join(temporaryFolder(), PEER_FILE));
    const offset = 2 ** 50;
    database.change(DIGITS, { addChunks: [offset], addTail: [offset] });
    assert.deepEqual([database.chunks(DIGITS), database.tail(DIGITS)], [[offset], [offset]]);
    database.close();
  });

  it('changes all of a change or nothing', () => {
    const database = PeerDatabase.open(join(temporaryFolder(), PEER_FILE));
    database.saveContent(content(DIGITS));
    database.change(DIGITS, { addChunks: [0, 1], addTail: [1] });
    const broken = new Map([[0, { bytes: 1, changed: null as unknown as string }]]);
    assert.throws(() => database.change(DIGITS, { removeChunks: [0], addChunks: [2], clean: broken }), StorageError);
    assert.deepEqual(database.chunks(DIGITS), [0, 1]);
    database.change(DIGITS, { removeChunks: [0, 7], addChunks: [1, 2], removeTail: [1], addTail: [2] });
    assert.deepEqual([database.chunks(DIGITS), database.tail(DIGITS)], [[1, 2], [2]]);
    database.close();
  });

  it('knows the files of a clean stop until something is written', () => {
    const database = PeerDatabase.open(join(temporaryFolder(), PEER_FILE));
    database.saveContent(content(DIGITS));
    assert.equal(database.cleanFiles(DIGITS), undefined);
    const files = new Map([[3, { bytes: 5, changed: '1234567890123456789' }]]);
    database.change(DIGITS, { clean: files });
    assert.deepEqual(database.cleanFiles(DIGITS), files);
    database.saveContent({ ...content(DIGITS), folder: '/elsewhere' });
    assert.deepEqual(database.cleanFiles(DIGITS), files);
    database.change(DIGITS, { clean: false });
    assert.equal(database.cleanFiles(DIGITS), undefined);
    database.close();
  });

  it('forgets a content with all its rows, and no other', () => {
    const database = PeerDatabase.open(join(temporaryFolder(), PEER_FILE));
    for (const sha1 of [DIGITS, EXPONENT]) {
      database.saveContent(content(sha1));
      database.change(sha1, { addChunks: [1], addTail: [1], clean: new Map([[0, { bytes: 1, changed: '1' }]]) });
    }
    database.removeContent(DIGITS);
    assert.deepEqual(
      [database.chunks(DIGITS), database.tail(DIGITS), database.cleanFiles(DIGITS)],
      [[], [], undefined],
    );
    assert.deepEqual([database.chunks(EXPONENT), database.tail(EXPONENT)], [[1], [1]]);
    assert.deepEqual(database.contents(), [content(EXPONENT)]);
    database.close();
  });

  it('of another program is refused', () => {
    const path = join(temporaryFolder(), PEER_FILE);
    const foreign = new DatabaseSync(path);
    foreign.exec('CREATE TABLE x (y); PRAGMA application_id = 7');
    foreign.close();
    assert.throws(
      () => PeerDatabase.open(path),
      (error) => error instanceof StorageError && error.code === 'FOREIGN_FILE',
    );
  });
});
