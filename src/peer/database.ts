import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { closeQuietly, openSqliteFile, type SqliteFormat, storageError } from '../cluster/storage/sqlite-file.ts';

export const PEER_FILE = 'peer.db';

/** Another process of this user writes for so long at most. */
const BUSY_MS = 5_000;

/**
 * What this peer remembers, `peer.db`. A row is on the disk when the method that wrote it returns (synchronous = FULL).
 *
 * - CHUNK: the chunks of each content that are on disk, by the offset of their first byte. A column of the plain type
 *   STRING(40) would have numeric affinity and turn a sha1 of digits into a number; with the word TEXT in its type it
 *   stays as it is (sqlite.org/datatype3.html, section 3.1).
 * - TAIL: rows of CHUNK that are to be hashed before they are trusted: those written last, until the stop is clean.
 * - CONTENT: what is shared or fetched, and where to. `clean`: nothing was written since FILE was.
 * - FILE: the files of a content as they stood at the last clean stop, by their place in the torrent.
 */
const PEER_FORMAT: SqliteFormat = {
  what: 'the database of the peer',
  applicationId: 0x53575042, // "SWPB"
  version: 1,
  pragmas: `PRAGMA busy_timeout = ${BUSY_MS};
    PRAGMA synchronous = FULL;
    PRAGMA temp_store = MEMORY;`,
  schema: `CREATE TABLE CHUNK (
      sha1 TEXT STRING(40) NOT NULL,
      offset INTEGER NOT NULL,
      PRIMARY KEY (sha1, offset)
    ) WITHOUT ROWID;
    CREATE TABLE TAIL (
      sha1 TEXT STRING(40) NOT NULL,
      offset INTEGER NOT NULL,
      PRIMARY KEY (sha1, offset)
    ) WITHOUT ROWID;
    CREATE TABLE CONTENT (
      sha1 TEXT STRING(40) PRIMARY KEY NOT NULL,
      folder TEXT NOT NULL,
      metainfo BLOB NOT NULL,
      clean INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE FILE (
      sha1 TEXT STRING(40) NOT NULL,
      place INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      changed TEXT NOT NULL,
      PRIMARY KEY (sha1, place)
    ) WITHOUT ROWID;`,
};

export interface Content {
  /** The info-hash, 40 lowercase hexadecimal digits. */
  readonly sha1: string;
  /** The download folder, an absolute path. */
  readonly folder: string;
  /** A torrent file. */
  readonly metainfo: Uint8Array;
}

/** A file as it stood. */
export interface FileStamp {
  readonly bytes: number;
  /** When it was last written, in whatever form tells two moments apart. */
  readonly changed: string;
}

/** What one transaction changes of one content. Chunks are named by their offsets. */
export interface ContentChange {
  readonly removeChunks?: Iterable<number>;
  readonly addChunks?: Iterable<number>;
  readonly removeTail?: Iterable<number>;
  readonly addTail?: Iterable<number>;
  /** A clean stop, with its files by place; false: something will be written from here on. */
  readonly clean?: ReadonlyMap<number, FileStamp> | false;
}

/** The DB Manager of a peer: CHUNK in SQLite, and what else survives a restart. */
export class PeerDatabase {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens the database at `path`; creates it where there is none.
   * @throws {StorageError} the file is foreign, newer, corrupt or unwritable
   */
  static open(path: string): PeerDatabase {
    return new PeerDatabase(path, openSqliteFile(path, PEER_FORMAT));
  }

  private constructor(path: string, db: DatabaseSync) {
    this.path = path;
    this.#db = db;
  }

  contents(): Content[] {
    return this.#guard(() =>
      this.#all('SELECT sha1, folder, metainfo FROM CONTENT ORDER BY sha1').map((row) => ({
        sha1: String(row.sha1),
        folder: String(row.folder),
        metainfo: row.metainfo as Uint8Array,
      })),
    );
  }

  /** Adds a content, or changes where it goes; a new one begins without chunks. */
  saveContent({ sha1, folder, metainfo }: Content): void {
    this.#guard(() =>
      this.#run(
        `INSERT INTO CONTENT VALUES (?, ?, ?, 0)
         ON CONFLICT (sha1) DO UPDATE SET folder = excluded.folder, metainfo = excluded.metainfo`,
        sha1,
        folder,
        metainfo,
      ),
    );
  }

  /** Forgets a content with all its rows. */
  removeContent(sha1: string): void {
    this.#transaction(() => {
      for (const table of ['CHUNK', 'TAIL', 'FILE', 'CONTENT']) this.#run(`DELETE FROM ${table} WHERE sha1 = ?`, sha1);
    });
  }

  /** Offsets of the chunks that are on disk, ascending. */
  chunks(sha1: string): number[] {
    return this.#offsets('SELECT offset FROM CHUNK WHERE sha1 = ? ORDER BY offset', sha1);
  }

  /** Offsets of the chunks to be hashed before they are trusted, ascending. */
  tail(sha1: string): number[] {
    return this.#offsets('SELECT offset FROM TAIL WHERE sha1 = ? ORDER BY offset', sha1);
  }

  /** The files as of the last stop, by place; undefined when it was not clean. */
  cleanFiles(sha1: string): Map<number, FileStamp> | undefined {
    return this.#guard(() => {
      if (this.#all('SELECT 1 FROM CONTENT WHERE sha1 = ? AND clean = 1', sha1).length === 0) return undefined;
      const rows = this.#all('SELECT place, bytes, changed FROM FILE WHERE sha1 = ?', sha1);
      return new Map(
        rows.map(({ place, bytes, changed }) => [Number(place), { bytes: Number(bytes), changed: String(changed) }]),
      );
    });
  }

  /** One transaction; it is on the disk when this returns. @throws {StorageError} nothing of it was done */
  change(sha1: string, change: ContentChange): void {
    const each = (sql: string, offsets: Iterable<number> = []) => {
      for (const offset of offsets) this.#run(sql, sha1, offset);
    };
    this.#transaction(() => {
      each('DELETE FROM CHUNK WHERE sha1 = ? AND offset = ?', change.removeChunks);
      each('INSERT OR IGNORE INTO CHUNK VALUES (?, ?)', change.addChunks);
      each('DELETE FROM TAIL WHERE sha1 = ? AND offset = ?', change.removeTail);
      each('INSERT OR IGNORE INTO TAIL VALUES (?, ?)', change.addTail);
      if (change.clean === undefined) return;
      this.#run('UPDATE CONTENT SET clean = ? WHERE sha1 = ?', change.clean === false ? 0 : 1, sha1);
      this.#run('DELETE FROM FILE WHERE sha1 = ?', sha1);
      for (const [place, { bytes, changed }] of change.clean || []) {
        this.#run('INSERT INTO FILE VALUES (?, ?, ?, ?)', sha1, place, bytes, changed);
      }
    });
  }

  /** Can be called twice. */
  close(): void {
    if (this.#db.isOpen) closeQuietly(this.#db);
  }

  #offsets(sql: string, sha1: string): number[] {
    return this.#guard(() => this.#all(sql, sha1).map(({ offset }) => Number(offset)));
  }

  #transaction(act: () => void): void {
    this.#guard(() => {
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        act();
        this.#db.exec('COMMIT');
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  #all(sql: string, ...values: (string | number)[]) {
    return this.#prepare(sql).all(...values);
  }

  #run(sql: string, ...values: (string | number | Uint8Array)[]): void {
    this.#prepare(sql).run(...values);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guard<Result>(act: () => Result): Result {
    try {
      return act();
    } catch (error) {
      throw storageError(this.path, PEER_FORMAT.what, error);
    }
  }
}
