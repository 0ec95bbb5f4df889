import { constants, copyFileSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import {
  closeQuietly,
  corruption,
  openSqliteReader,
  type SqliteFormat,
  storageError,
} from '../../cluster/storage/sqlite-file.ts';
import { TABLES_FORMAT } from './schema.ts';
import { readMeta } from './table-loader.ts';

// The tables as a file that travels to an instance that lacks the log's beginning. It is a copy of the SQLite file: the
// b-trees come ready-made, and the newcomer takes them over as they are instead of sorting rows again.

const SNAPSHOT_FORMAT: SqliteFormat = { ...TABLES_FORMAT, what: 'the snapshot of the tables' };

/**
 * Copies tables into a file that needs no other beside it. Nothing may be in the WAL, and nobody may write meanwhile.
 * @throws {StorageError} there is no such file then
 */
export function copyTables(from: string, to: string): void {
  try {
    // Where the file system can, the two share their blocks.
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
    const copy = new DatabaseSync(to);
    try {
      // With a WAL even reading it would make files; and whoever receives it has checked every byte.
      copy.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE');
    } finally {
      closeQuietly(copy);
    }
  } catch (error) {
    rmSync(to, { force: true });
    throw storageError(to, SNAPSHOT_FORMAT.what, error);
  }
}

/**
 * Makes the tables those of a snapshot, in one transaction: whoever reads them sees the former or the new ones, and so
 * does whoever opens them after a crash.
 * @param db writes the tables at `path`
 * @param index the log entry that the snapshot must show
 * @throws {StorageError} the tables are as they were
 */
export function replaceTables(db: DatabaseSync, path: string, snapshot: string, index: bigint): void {
  checkSnapshot(snapshot, index);
  const url = pathToFileURL(snapshot);
  url.searchParams.set('mode', 'ro');
  try {
    db.prepare('ATTACH ? AS snapshot').get(url.href);
    try {
      takeOver(db);
    } finally {
      db.exec('DETACH snapshot');
    }
  } catch (error) {
    const problem = storageError(path, TABLES_FORMAT.what, error);
    // Most of what is read is the snapshot's; the tables themselves were checked when the instance started.
    throw problem.code === 'CORRUPT_FILE' ? storageError(snapshot, SNAPSHOT_FORMAT.what, error) : problem;
  }
}

function takeOver(db: DatabaseSync): void {
  try {
    db.exec('BEGIN IMMEDIATE');
    for (const { name } of db.prepare(`SELECT name FROM main.sqlite_schema WHERE type = 'table'`).all()) {
      // Between equal definitions SQLite copies b-trees row by row as they are stored, indexes too.
      db.exec(`DELETE FROM main."${name}"; INSERT INTO main."${name}" SELECT * FROM snapshot."${name}"`);
    }
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function checkSnapshot(path: string, index: bigint): void {
  const db = openSqliteReader(path, SNAPSHOT_FORMAT);
  try {
    const { appliedIndex } = readMeta(db);
    if (appliedIndex !== index) throw corruption(`it shows log entry ${appliedIndex} and should show ${index}`);
  } catch (error) {
    throw storageError(path, SNAPSHOT_FORMAT.what, error);
  } finally {
    closeQuietly(db);
  }
}
