import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { LogFailedError, type MemberId } from '../replicated-log.ts';
import { entryChecksum } from './entry-checksum.ts';
import type { LogEntry } from './log-entry.ts';
import { type PackedEntries, PackedReader } from './packed-entries.ts';
import { closeQuietly, openSqliteFile, type SqliteFormat, StorageError, storageError } from './sqlite-file.ts';

/** Raft's hard state: on disk before any message that rests on it leaves (Raft §5.2). */
export interface HardState {
  readonly term: number;
  readonly vote: MemberId | undefined;
}

/** Who this disk is. A lost disk is a new member. */
export interface Identity {
  readonly cluster: string;
  readonly clusterUuid: string;
  readonly member: MemberId;
  /** Times this disk was opened, this one included. */
  readonly bootCount: number;
}

/** The entry before the oldest one that is there, and who belonged to the cluster as of it. */
export interface LogBase {
  readonly index: number;
  readonly term: number;
  /** The engine's own words; empty where it has none. */
  readonly membership: string;
}

/** What one transaction and one sync bring to the disk, in this order. */
export interface LogChange {
  readonly hardState?: HardState | null;
  /** Remove the entries from here on (a conflict of terms, Raft §5.3). */
  readonly truncateFrom?: number | null;
  /** The log begins behind a snapshot from now on; later entries stay only with `keepLater`. */
  readonly reset?: { readonly base: LogBase; readonly keepLater: boolean } | null;
  /** They follow the last one that is left. */
  readonly entries?: readonly LogEntry[];
}

export const LOG_FILE = 'log.db';

/** The WAL goes back into the file when about this much was appended since the last time. */
export const LOG_CHECKPOINT_BYTES = 8 << 20;

/**
 * The durable log of one instance, `log.db`: term, vote, identity and entries.
 *
 * Every method is synchronous and everything it changed is on the disk when it returns (trimming excepted, which nobody
 * relies on). After a failure the store refuses everything: what the disk then holds is known only after a restart.
 * The connection holds the file's lock, so a second instance cannot use the same folder.
 */
export class LogStore {
  readonly #path: string;
  #identity: Identity;
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #packed: PackedReader;
  readonly #trim: StatementSync;
  readonly #truncate: StatementSync;
  readonly #saveHardState: StatementSync;
  readonly #saveBase: StatementSync;
  #hardState: HardState;
  #base: LogBase;
  #genesis: string;
  #lastIndex: number;
  #uncheckpointedBytes = 0;
  #failure: LogFailedError | undefined;
  #closed = false;

  /**
   * Opens the log in `folder`; creates both where there is none.
   * @throws {StorageError} the file is foreign, newer, corrupt, unwritable or in use
   */
  static open(folder: string, cluster: string): LogStore {
    const path = join(folder, LOG_FILE);
    const db = openSqliteFile(path, FORMAT);
    try {
      return new LogStore(path, db, cluster);
    } catch (error) {
      closeQuietly(db);
      throw storageError(path, FORMAT.what, error);
    }
  }

  private constructor(path: string, db: DatabaseSync, cluster: string) {
    this.#path = path;
    this.#db = db;
    this.#identity = bootIdentity(path, db, cluster);
    const state = db
      .prepare('SELECT term, vote, base_index, base_term, base_membership, genesis FROM STATE')
      .get() as unknown as StateRow;
    this.#hardState = { term: state.term, vote: state.vote ?? undefined };
    this.#base = { index: state.base_index, term: state.base_term, membership: state.base_membership };
    this.#genesis = state.genesis;
    const range = db
      .prepare('SELECT min(idx) AS first, max(idx) AS last, count(*) AS count FROM ENTRY')
      .get() as unknown as {
      first: number | null;
      last: number | null;
      count: number;
    };
    this.#lastIndex = range.last ?? state.base_index;
    if (range.count > 0 && (range.first !== this.firstIndex || range.count !== this.#lastIndex - state.base_index)) {
      throw new StorageError(
        'CORRUPT_FILE',
        path,
        `the log at ${path} lacks entries between ${this.firstIndex} and ${this.#lastIndex}; ` +
          'move the whole data folder away and start again with an empty one, or restore a copy',
      );
    }
    this.#insert = db.prepare('INSERT INTO ENTRY (idx, term, kind, crc, batch) VALUES (?, ?, ?, ?, ?)');
    this.#packed = new PackedReader(db);
    this.#trim = db.prepare('DELETE FROM ENTRY WHERE idx <= ?');
    this.#truncate = db.prepare('DELETE FROM ENTRY WHERE idx >= ?');
    this.#saveHardState = db.prepare('UPDATE STATE SET term = ?, vote = ?');
    this.#saveBase = db.prepare('UPDATE STATE SET base_index = ?, base_term = ?, base_membership = ?');
  }

  get identity(): Identity {
    return this.#identity;
  }

  get base(): LogBase {
    return this.#base;
  }

  /** The oldest entry that is still there; `lastIndex + 1` when there is none. */
  get firstIndex(): number {
    return this.#base.index + 1;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  /** What the engine wrote down about the founding of the cluster; empty: nothing. */
  get genesis(): string {
    return this.#genesis;
  }

  /**
   * Makes all of a change durable, or nothing of it.
   * @throws {LogFailedError} nothing of it may be acknowledged
   */
  write({ hardState, truncateFrom, reset, entries = [] }: LogChange): void {
    if (typeof truncateFrom === 'number' && truncateFrom < this.firstIndex) {
      throw new RangeError(`entry ${truncateFrom} was trimmed and cannot be taken back`);
    }
    let last = this.#lastIndex;
    let bytes = TRANSACTION_OVERHEAD_BYTES;
    this.#transaction(() => {
      if (hardState) this.#saveHardState.run(hardState.term, hardState.vote ?? null);
      if (typeof truncateFrom === 'number' && truncateFrom <= last) {
        this.#truncate.run(truncateFrom);
        last = truncateFrom - 1;
      }
      if (reset) {
        this.#saveBase.run(reset.base.index, reset.base.term, reset.base.membership);
        this.#trim.run(reset.keepLater ? reset.base.index : Number.MAX_SAFE_INTEGER);
        last = reset.keepLater ? Math.max(last, reset.base.index) : reset.base.index;
      }
      for (const entry of entries) {
        if (entry.index !== ++last) throw new RangeError(`entry ${entry.index} does not follow entry ${last - 1}`);
        this.#insert.run(entry.index, entry.term, entry.kind, checksum(entry), entry.batch);
        bytes += entry.batch.length + ENTRY_OVERHEAD_BYTES;
      }
    });
    if (hardState) this.#hardState = hardState;
    if (reset) this.#base = reset.base;
    this.#lastIndex = last;
    this.#uncheckpointedBytes += bytes;
  }

  /**
   * Writes down how far the founding of the cluster is; with `cluster` it is over and the log belongs to that one.
   * @param cluster its uuid, and the membership that its log begins with
   * @throws {LogFailedError}
   */
  saveGenesis(genesis: string, cluster?: { readonly uuid: string; readonly membership: string }): void {
    this.#transaction(() => {
      this.#db.prepare('UPDATE STATE SET genesis = ?').run(genesis);
      if (!cluster) return;
      this.#db.prepare('UPDATE STATE SET cluster_uuid = ?').run(cluster.uuid);
      if (this.#base.index === 0) this.#saveBase.run(0, 0, cluster.membership);
    });
    this.#genesis = genesis;
    if (!cluster) return;
    this.#identity = { ...this.#identity, clusterUuid: cluster.uuid };
    if (this.#base.index === 0) this.#base = { index: 0, term: 0, membership: cluster.membership };
  }

  /**
   * Gives this disk, which belongs to no cluster yet, a new identity: the old one never speaks again.
   * @throws {LogFailedError}
   */
  renewIdentity(): void {
    const identity = { ...this.#identity, member: randomUUID(), clusterUuid: randomUUID(), bootCount: 0 };
    this.#transaction(() => {
      this.#db
        .prepare(`UPDATE STATE SET member = ?, cluster_uuid = ?, boot_count = 0, genesis = ''`)
        .run(identity.member, identity.clusterUuid);
    });
    this.#identity = identity;
    this.#genesis = '';
  }

  /**
   * All entries in pieces of about `maxBytes`; nothing may be changed meanwhile.
   * @throws {LogFailedError} an entry is damaged
   */
  *readPacked(maxBytes: number): Generator<PackedEntries, void> {
    this.#refuseUnlessOpen();
    try {
      yield* this.#packed.read(this.firstIndex, maxBytes);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /**
   * Forgets the entries up to `index`; their pages are used again by later ones. Not synced on its own: after a power cut
   * they may be back, which harms nobody.
   * @param membership who belonged to the cluster as of `index`, in the engine's own words
   * @throws {LogFailedError}
   */
  trimTo(index: number, membership: string): void {
    this.#refuseUnlessOpen();
    if (index < this.firstIndex) return;
    if (index > this.#lastIndex)
      throw new RangeError(`entry ${index} is not in the log; it ends at ${this.#lastIndex}`);
    try {
      this.#db.exec('PRAGMA synchronous = NORMAL');
    } catch (error) {
      throw this.#fail(error);
    }
    try {
      let term = 0;
      this.#transaction(() => {
        ({ term } = this.#db.prepare('SELECT term FROM ENTRY WHERE idx = ?').get(index) as { term: number });
        this.#saveBase.run(index, term, membership);
        this.#trim.run(index);
      });
      this.#base = { index, term, membership };
    } finally {
      if (this.#failure === undefined) this.#db.exec('PRAGMA synchronous = FULL');
    }
    this.#uncheckpointedBytes += TRANSACTION_OVERHEAD_BYTES;
  }

  /** Whether enough was appended for `checkpoint` to be worth its syncs. */
  get wantsCheckpoint(): boolean {
    return this.#uncheckpointedBytes >= LOG_CHECKPOINT_BYTES;
  }

  /**
   * Moves the WAL into the file, so that neither it nor a restart grows. Not part of `write`: nobody's acknowledgement
   * should wait for it.
   * @throws {LogFailedError}
   */
  checkpoint(): void {
    this.#refuseUnlessOpen();
    try {
      this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)');
      this.#uncheckpointedBytes = 0;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Moves the WAL into the file and releases the lock. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#failure === undefined) this.#db.close();
    else closeQuietly(this.#db);
  }

  #transaction(body: () => void): void {
    this.#refuseUnlessOpen();
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      body();
      this.#db.exec('COMMIT');
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #fail(error: unknown): LogFailedError {
    if (this.#failure) return this.#failure;
    const cause = storageError(this.#path, FORMAT.what, error);
    this.#failure = new LogFailedError(cause.message, { cause });
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    } catch {
      // The transaction was not committed and the store is refused from here on; the first failure is the one to report.
    }
    return this.#failure;
  }

  #refuseUnlessOpen(): void {
    if (this.#failure) throw this.#failure;
    if (this.#closed) throw new LogFailedError(`${FORMAT.what} at ${this.#path} is closed`);
  }
}

interface StateRow {
  term: number;
  vote: string | null;
  base_index: number;
  base_term: number;
  base_membership: string;
  genesis: string;
}

/** What a row and a transaction add to the WAL beside the batch, roughly: only the time of a checkpoint hangs on it. */
const ENTRY_OVERHEAD_BYTES = 64;
const TRANSACTION_OVERHEAD_BYTES = 8_192;

const FORMAT: SqliteFormat = {
  what: 'the log',
  applicationId: 0x53574c47, // "SWLG"
  version: 2,
  // EXCLUSIVE keeps a second instance out, and keeps the WAL's index in memory instead of a file.
  // Checkpoints are asked for, so that they never delay a write.
  pragmas: `PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = ${2 * LOG_CHECKPOINT_BYTES};
    PRAGMA cache_size = -1024;
    PRAGMA temp_store = MEMORY;`,
  // base_index and base_term: the entry before the oldest one that is there.
  schema: `CREATE TABLE STATE (
      only INTEGER PRIMARY KEY CHECK (only = 1),
      cluster TEXT NOT NULL,
      cluster_uuid TEXT NOT NULL,
      member TEXT NOT NULL,
      boot_count INTEGER NOT NULL,
      term INTEGER NOT NULL,
      vote TEXT,
      base_index INTEGER NOT NULL,
      base_term INTEGER NOT NULL,
      base_membership TEXT NOT NULL,
      genesis TEXT NOT NULL
    );
    CREATE TABLE ENTRY (
      idx INTEGER PRIMARY KEY,
      term INTEGER NOT NULL,
      kind INTEGER NOT NULL,
      crc INTEGER NOT NULL,
      batch BLOB NOT NULL
    );`,
};

/** Draws the identity of an empty disk, or counts one more boot of a known one. */
function bootIdentity(path: string, db: DatabaseSync, cluster: string): Identity {
  db.exec('BEGIN IMMEDIATE');
  db.prepare(
    `INSERT INTO STATE VALUES (1, ?, ?, ?, 1, 0, NULL, 0, 0, '', '')
     ON CONFLICT (only) DO UPDATE SET boot_count = boot_count + 1`,
  ).run(cluster, randomUUID(), randomUUID());
  const row = db.prepare('SELECT cluster, cluster_uuid, member, boot_count FROM STATE').get() as unknown as {
    cluster: string;
    cluster_uuid: string;
    member: string;
    boot_count: number;
  };
  if (row.cluster !== cluster) {
    throw new StorageError(
      'FOREIGN_FILE',
      path,
      `the log at ${path} belongs to the cluster "${row.cluster}", not "${cluster}"; ` +
        'start with that name, or choose another data folder',
    );
  }
  db.exec('COMMIT');
  return { cluster: row.cluster, clusterUuid: row.cluster_uuid, member: row.member, bootCount: row.boot_count };
}

function checksum({ index, term, kind, batch }: LogEntry): number {
  return entryChecksum(index, term, kind, batch);
}
