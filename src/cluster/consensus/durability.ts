import type { Effect, HardState, Persist } from './effects.ts';
import type { RaftLog } from './log.ts';
import type { Message, SnapshotMeta } from './messages.ts';

/**
 * Group commit. One persist is under way at a time; everything that comes up meanwhile is gathered and written by the
 * next: one fsync for all of it. Messages that promise a term or a vote wait here until the disk has it (rule 1).
 */
export class Durability {
  private readonly log: RaftLog;
  private seq = 0;
  private underWay: Persist | null = null;
  /** Term or vote in memory differ from what was last handed to the host. */
  private hardStateDirty = false;
  /** To be installed by the next persist. */
  private snapshot: { meta: SnapshotMeta; keepLater: boolean } | null = null;
  /** Leave when the persist under way is durable. */
  private heldByUnderWay: Message[] = [];
  /** Leave when the persist after that is durable. Bounded: one message per request answered between two fsyncs. */
  private heldByNext: Message[] = [];

  constructor(log: RaftLog) {
    this.log = log;
  }

  /** Term and vote in memory are on disk too. */
  get hardStateDurable(): boolean {
    return !this.hardStateDirty && (this.underWay === null || this.underWay.hardState === null);
  }

  hardStateChanged(): void {
    this.hardStateDirty = true;
  }

  snapshotToInstall(meta: SnapshotMeta, keepLater: boolean): void {
    // A snapshot that was never handed over is subsumed, but what it would have deleted must still go.
    this.snapshot = { meta, keepLater: keepLater && (this.snapshot === null || this.snapshot.keepLater) };
  }

  /** @returns false if nothing is to wait for: the message may leave now. */
  holdUntilHardState(message: Message): boolean {
    if (this.hardStateDirty) this.heldByNext.push(message);
    else if (this.underWay !== null && this.underWay.hardState !== null) this.heldByUnderWay.push(message);
    else return false;
    return true;
  }

  /** Hands everything unsaved to the host, unless it is still writing. */
  flush(hardState: HardState, emit: (effect: Effect) => void): void {
    if (this.underWay !== null) return;
    if (!this.hardStateDirty && this.snapshot === null && !this.log.hasUnsaved) return;
    const { truncateFrom, entries } = this.log.takeUnsaved();
    this.seq++;
    this.underWay = {
      type: 'persist',
      seq: this.seq,
      hardState: this.hardStateDirty ? hardState : null,
      truncateFrom,
      snapshot: this.snapshot,
      entries,
    };
    this.hardStateDirty = false;
    this.snapshot = null;
    this.heldByUnderWay = this.heldByNext;
    this.heldByNext = [];
    emit(this.underWay);
  }

  /**
   * The host reports a persist durable.
   *
   * @returns the snapshot that it installed, and the messages that may leave now; null for a number that is not under way.
   */
  persisted(seq: number): { installed: SnapshotMeta | null; released: Message[] } | null {
    if (this.underWay === null || this.underWay.seq !== seq) return null;
    const { snapshot } = this.underWay;
    this.underWay = null;
    this.log.saved();
    const released = this.heldByUnderWay;
    this.heldByUnderWay = [];
    return { installed: snapshot === null ? null : snapshot.meta, released };
  }
}
