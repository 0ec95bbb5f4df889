import { discard } from '../../cluster/discard.ts';
import type { CreditWindow } from '../../cluster/log-messages.ts';
import type { IndexedBatch, TrackerDatabase } from '../database.ts';
import type { TablesProgress } from './database-messages.ts';

/** What waits for the tables, at most: about as many operations as one round of DatabaseWriter sorts. */
export const FOLLOWER_WINDOW: CreditWindow = { entries: 16_384, bytes: 6 << 20 };

/** A transaction starts when so much has come, or when the oldest batch has waited so long: large ones cost far less a row. */
export const GATHER_BYTES = 4 << 20;
export const GATHER_MS = 1_000;
/** While transactions are as short as this, the tables may as well follow closely. */
const SHORT_WORK_MS = 5;
const SHORT_GATHER_MS = 50;

/** So many entries behind the log, the tables no longer rest between transactions. */
export const NO_REST_LAG_ENTRIES = 4_096n;

/** The WAL is moved into the tables when a transaction leaves more than this in it. One transaction may write more at once. */
export const CHECKPOINT_WAL_BYTES = 32 << 20;
/** Or more than this when nothing has come for so long: what is left behind by a rush is given back soon after. */
export const IDLE_WAL_BYTES = 4 << 20;
const IDLE_MS = 500;
/** And when so many milliseconds have passed since the last time: the log is trimmed only behind a checkpoint. */
export const CHECKPOINT_MS = 10_000;

/** What the tables need of the log that they follow. */
export interface FollowedLog {
  commitIndex(): bigint;
  /** Entries up to `index` are in the tables: more may come. */
  acknowledge(index: bigint): void;
  /** Entries up to `index` are in the tables for good. */
  trimmable(index: bigint): void;
}

/**
 * Brings the tables up to date behind the log, without getting in the way: in large transactions, after each of which
 * it rests as long as that took. Who cannot wait asks for a flush.
 */
export class DatabaseFollower {
  readonly #db: TrackerDatabase;
  readonly #progress: TablesProgress;
  readonly #log: FollowedLog;
  readonly #fail: (error: unknown) => void;
  #pending: IndexedBatch[] = [];
  #pendingBytes = 0;
  /** Everything up to here was delivered. */
  #delivered: bigint;
  #flushes: { index: bigint; done: (index: bigint) => void }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  readonly #checkpointTimer: NodeJS.Timeout;
  /** When the oldest entry that waits came, and until when to rest; `performance.now()`. */
  #oldest = 0;
  #restUntil = 0;
  /** How long the last transaction took. */
  #workMs = 0;
  #stopped = false;

  /** @param fail hears of a failure, once; the tables stay where they are then */
  constructor(db: TrackerDatabase, progress: TablesProgress, log: FollowedLog, fail: (error: unknown) => void) {
    this.#db = db;
    this.#progress = progress;
    this.#log = log;
    this.#fail = fail;
    this.#delivered = db.appliedIndex;
    progress.appliedIndex = db.appliedIndex;
    this.#checkpointTimer = setInterval(() => this.#guard(() => this.#checkpoint()), CHECKPOINT_MS);
  }

  apply(index: bigint, batch: Uint8Array): void {
    this.#pending.push({ index, batch });
    this.#pendingBytes += batch.length;
  }

  delivered(index: bigint): void {
    clearTimeout(this.#idleTimer);
    if (this.#delivered === this.#db.appliedIndex) this.#oldest = performance.now();
    this.#delivered = index;
    this.#schedule();
  }

  /**
   * The log begins behind what the tables show: they become those of the snapshot, and what waits is in there.
   * @throws {StorageError} the tables are as they were
   */
  restore(index: bigint, path: string): void {
    if (this.#stopped) return;
    for (const { batch } of this.#takePending()) discard(batch);
    this.#db.restore(index, path);
    this.#delivered = index;
    this.#progress.appliedIndex = index;
    this.#digested(index);
  }

  /**
   * Writes a copy of the tables into a new file.
   * @returns the last log entry inside
   * @throws {StorageError} there is no such file then
   */
  async snapshot(path: string): Promise<bigint> {
    if (this.#stopped) throw new Error('the tables do not follow the log any more');
    const index = this.#db.snapshot(path);
    this.#checkpointed();
    return index;
  }

  /** Calls back once the tables show entry `index`, without resting before. */
  flush(index: bigint, done: (index: bigint) => void): void {
    if (this.#db.appliedIndex >= index) {
      done(this.#db.appliedIndex);
      return;
    }
    this.#flushes.push({ index, done });
    this.#schedule();
  }

  /** Applies what has come and checkpoints. */
  close(): void {
    if (this.#stopped) return;
    this.#work();
    this.#guard(() => this.#checkpoint());
    this.#stop();
  }

  /** Stops at once; what was not applied is in the log. */
  abandon(): void {
    this.#stop();
  }

  #stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#idleTimer);
    clearInterval(this.#checkpointTimer);
  }

  #schedule(): void {
    if (this.#stopped || this.#delivered <= this.#db.appliedIndex) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#work(), this.#pause());
  }

  /** Milliseconds until the next transaction is due. */
  #pause(): number {
    if (this.#flushes.length > 0 || this.#log.commitIndex() - this.#db.appliedIndex > NO_REST_LAG_ENTRIES) return 0;
    const now = performance.now();
    const gathered =
      this.#pendingBytes >= GATHER_BYTES
        ? now
        : this.#oldest + (this.#workMs < SHORT_WORK_MS ? SHORT_GATHER_MS : GATHER_MS);
    return Math.max(0, Math.max(gathered, this.#restUntil) - now);
  }

  #work(): void {
    if (this.#stopped) return;
    const through = this.#delivered;
    const batches = this.#takePending();
    const start = performance.now();
    this.#guard(() => {
      this.#db.applyBatches(batches, through);
      this.#progress.appliedIndex = through;
      if (this.#db.walBytes > CHECKPOINT_WAL_BYTES) this.#checkpoint();
    });
    if (this.#stopped) return;
    const end = performance.now();
    this.#workMs = end - start;
    this.#restUntil = end + this.#workMs;
    for (const { batch } of batches) discard(batch);
    this.#digested(through);
    if (this.#db.walBytes > IDLE_WAL_BYTES && this.#delivered === through) {
      this.#idleTimer = setTimeout(() => this.#guard(() => this.#checkpoint()), IDLE_MS);
    }
  }

  #takePending(): IndexedBatch[] {
    const batches = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    return batches;
  }

  /** The tables show everything up to `through`: who waits for that hears of it. */
  #digested(through: bigint): void {
    this.#log.acknowledge(through);
    const flushes = this.#flushes;
    this.#flushes = flushes.filter(({ index }) => index > through);
    for (const { index, done } of flushes) if (index <= through) done(through);
  }

  #checkpoint(): void {
    if (this.#stopped || this.#db.durableIndex === this.#db.appliedIndex) return;
    if (this.#db.checkpoint()) this.#checkpointed();
  }

  #checkpointed(): void {
    this.#progress.durableIndex = this.#db.durableIndex;
    this.#log.trimmable(this.#db.durableIndex);
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#stop();
      this.#fail(error);
    }
  }
}
