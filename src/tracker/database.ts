import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import {
  closeQuietly,
  corruption,
  openSqliteFile,
  StorageError,
  storageError,
} from '../cluster/storage/sqlite-file.ts';
import { BatchError } from './operations.ts';
import { DatabaseWriter, prepareWithBigInts, type Statement } from './tables/database-writer.ts';
import { TABLES_FORMAT } from './tables/schema.ts';
import { copyTables, replaceTables } from './tables/tables-snapshot.ts';

/** A committed batch and its place in the log. */
export interface IndexedBatch {
  readonly index: bigint;
  readonly batch: Uint8Array;
}

/** How long a copy waits for those who read an older state. */
const READER_WAIT_MS = 2_000;

/**
 * The DB Manager: PEER_INFO, CONTENTS and SWARM in SQLite, brought up to date from the log.
 *
 * The one connection that writes the file. After an error it is done for: the tables stand where the last transaction
 * left them, and the log has what is missing.
 */
export class TrackerDatabase {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #writer: DatabaseWriter;
  readonly #saveMeta: Statement;
  #appliedIndex: bigint;
  #durableIndex: bigint;
  #closed = false;

  /**
   * Opens the tables at `path`; creates them where there is no file.
   * @throws {StorageError} the file is foreign, newer, corrupt or unwritable
   */
  static open(path: string): TrackerDatabase {
    const db = openSqliteFile(path, TABLES_FORMAT);
    try {
      return new TrackerDatabase(path, db);
    } catch (error) {
      closeQuietly(db);
      throw storageError(path, TABLES_FORMAT.what, error);
    }
  }

  private constructor(path: string, db: DatabaseSync) {
    this.path = path;
    this.#db = db;
    this.#writer = new DatabaseWriter(db);
    this.#saveMeta = prepareWithBigInts(db, 'UPDATE META SET applied_index = ?, cluster_time = max(cluster_time, ?)');
    const { applied_index } = db.prepare('SELECT applied_index FROM META').get() as { applied_index: number };
    this.#appliedIndex = BigInt(applied_index);
    // What a crash of the process left in the WAL may still be lost in a power cut.
    this.#durableIndex = 0n;
  }

  /** The log entry that the tables show. */
  get appliedIndex(): bigint {
    return this.#appliedIndex;
  }

  /** The log entry below which the tables cannot fall, whatever happens to the power; 0 until the first checkpoint. */
  get durableIndex(): bigint {
    return this.#durableIndex;
  }

  /**
   * Applies batches in one transaction; the more, the cheaper each. Batches up to `appliedIndex` are skipped.
   * @param through the log entry that the tables show afterwards, if entries without a batch follow the last one
   * @throws {StorageError} nothing of it was applied
   * @throws {BatchError} a newer program wrote a batch; nothing was applied
   */
  applyBatches(batches: readonly IndexedBatch[], through?: bigint): void {
    const fresh = batches.filter(({ index }) => index > this.#appliedIndex);
    const index = through ?? fresh.at(-1)?.index ?? this.#appliedIndex;
    if (index <= this.#appliedIndex) return;
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const time = this.#writer.apply(fresh.map(({ batch }) => batch));
      this.#saveMeta.run(Number(index), time ?? 0);
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      if (error instanceof BatchError) throw error;
      throw storageError(this.path, TABLES_FORMAT.what, error);
    }
    this.#appliedIndex = index;
  }

  /** Bytes of the WAL: little, or what no checkpoint has taken yet. */
  get walBytes(): number {
    return statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  /**
   * Moves the WAL into the tables and syncs, as far as readers allow.
   * @returns whether all of it went: then `durableIndex` is `appliedIndex`
   * @throws {StorageError}
   */
  checkpoint(): boolean {
    return this.#checkpoint('PASSIVE');
  }

  /**
   * Writes the tables as of `appliedIndex` into a new file, and everything up to there is durable then. A reader that began
   * earlier is waited for.
   * @returns `appliedIndex`
   * @throws {StorageError} there is no such file then
   */
  snapshot(path: string): bigint {
    if (!this.#checkpoint('FULL')) {
      const reason = `a reader has held up the copy of ${TABLES_FORMAT.what} at ${this.path}; try again`;
      throw new StorageError('IN_USE', this.path, reason);
    }
    copyTables(this.path, path);
    return this.#appliedIndex;
  }

  /**
   * Makes the tables those of a snapshot, whatever they were: all at once, for readers and for whoever opens them after a
   * crash.
   * @param index the log entry that the snapshot shows
   * @throws {StorageError} the tables are as they were
   */
  restore(index: bigint, snapshot: string): void {
    replaceTables(this.#db, this.path, snapshot, index);
    this.#appliedIndex = index;
  }

  /**
   * Reads the structure of the whole file.
   * @throws {StorageError} it is damaged
   */
  check(): void {
    try {
      const [problem] = Object.values(this.#db.prepare('PRAGMA quick_check(1)').get() ?? {});
      // SQLite says it in several lines; ours is one.
      if (problem !== 'ok') throw corruption(String(problem).replaceAll(/\s+/g, ' '));
    } catch (error) {
      throw storageError(this.path, TABLES_FORMAT.what, error);
    }
  }

  /** Moves the WAL into the tables. Can be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#db);
  }

  /** @param mode `FULL` waits for readers of an older state */
  #checkpoint(mode: 'PASSIVE' | 'FULL'): boolean {
    try {
      this.#db.exec(`PRAGMA busy_timeout = ${mode === 'FULL' ? READER_WAIT_MS : 0}`);
      const row = this.#db.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as Record<
        'busy' | 'log' | 'checkpointed',
        number
      >;
      const complete = row.busy === 0 && row.log === row.checkpointed;
      if (complete) this.#durableIndex = this.#appliedIndex;
      return complete;
    } catch (error) {
      throw storageError(this.path, TABLES_FORMAT.what, error);
    }
  }

  #rollBack(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    } catch {
      // Without a commit nothing of the transaction is ever seen; the first failure is the one to report.
    }
  }
}
