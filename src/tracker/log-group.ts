import type { ReplicatedLog } from '../cluster/replicated-log.ts';
import type { ClusterClock } from './cluster-clock.ts';
import { BatchWriter } from './operations.ts';

/** Hears that the operations of a group are durable and applied, or the reason why they may not be. */
export type Settled = (error: Error | undefined) => void;

/** The same for every group, by its number: 0 to GROUPS - 1, used again and again. */
export type GroupSettled = (group: number, error: Error | undefined) => void;

/**
 * Group commit on the tracker's side: operations gather in a batch while the batch before is on its way to the disks
 * of a quorum; the replies that wait for them leave together when it arrives there.
 *
 * At most MAX_BATCHES_UNDER_WAY are on their way; a batch holds at most MAX_BATCH_BYTES. Beyond that `hasRoom` is
 * false and whoever wants to add must refuse or drop.
 */
export class LogGroups {
  readonly #log: ReplicatedLog;
  readonly #clock: ClusterClock;
  readonly #everyGroup: GroupSettled[] = [];
  readonly #writers: BatchWriter[] = [];
  readonly #listeners: Settled[][] = [];
  readonly #free: number[] = [];
  #open: number;
  /** Of each group, on the clock of `performance.now`: when it was first there to be sent, and when it was; 0: not yet. */
  readonly #waitingSince = new Float64Array(GROUPS);
  readonly #proposedAt = new Float64Array(GROUPS);
  /** Batches proposed since the start. */
  proposed = 0;

  constructor(log: ReplicatedLog, clock: ClusterClock) {
    this.#log = log;
    this.#clock = clock;
    for (let group = 0; group < GROUPS; group++) {
      this.#writers.push(new BatchWriter(MAX_BATCH_BYTES));
      this.#listeners.push([]);
      this.#free.push(group);
    }
    this.#open = this.#free.pop() as number;
  }

  /** The number of the group that is open for operations. */
  get group(): number {
    return this.#open;
  }

  /** Where to write operations; check `hasRoom` before each. */
  get writer(): BatchWriter {
    return this.#writers[this.#open];
  }

  get hasRoom(): boolean {
    return this.#writers[this.#open].hasRoom;
  }

  /** Nothing is written that is not applied yet. */
  get isIdle(): boolean {
    return this.#free.length === GROUPS - 1 && this.writer.operations === 0;
  }

  /** Since when a group that has been proposed waited, and when it was proposed: milliseconds of `performance.now`. */
  waitingSince(group: number): number {
    return this.#waitingSince[group];
  }

  proposedAt(group: number): number {
    return this.#proposedAt[group];
  }

  onSettled(listener: GroupSettled): void {
    this.#everyGroup.push(listener);
  }

  /** Calls back once the operations written so far into the open group are settled. */
  whenSettled(listener: Settled): void {
    this.#listeners[this.#open].push(listener);
  }

  /** Sends the open group off, if it holds anything and one more may be under way. To be called after each batch of requests. */
  send(): void {
    const group = this.#open;
    const writer = this.#writers[group];
    if (writer.operations === 0) return;
    const now = performance.now();
    if (this.#waitingSince[group] === 0) this.#waitingSince[group] = now;
    const next = this.#free.pop();
    if (next === undefined) return;
    this.#open = next;
    this.#proposedAt[group] = now;
    this.proposed++;
    this.#log.propose(writer.take(this.#clock.now())).then(
      () => this.#settle(group, undefined),
      (error: Error) => this.#settle(group, error),
    );
  }

  #settle(group: number, error: Error | undefined): void {
    for (const listener of this.#everyGroup) listener(group, error);
    const listeners = this.#listeners[group];
    this.#listeners[group] = [];
    this.#waitingSince[group] = 0;
    this.#free.push(group);
    for (const listener of listeners) listener(error);
    this.send();
  }
}

/** Batches on their way to the disks at one time. */
export const MAX_BATCHES_UNDER_WAY = 2;
/** And one that is filled meanwhile. */
export const GROUPS = MAX_BATCHES_UNDER_WAY + 1;
export const MAX_BATCH_BYTES = 256 << 10;
