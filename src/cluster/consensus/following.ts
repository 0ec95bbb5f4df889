import { invariant } from './invariant.ts';
import type { Append, SnapshotMeta } from './messages.ts';
import type { State } from './state.ts';

/** The receiving end of replication (Raft §5.3): what a slave or learner does with its master's entries. */
export class Following {
  protected readonly state: State;
  /** Up to here the log is known to equal the log of the current term's master. Starts at 0 under every master. */
  protected matched = 0;
  /** The newest stamp heard from the master of this term; echoed to it. */
  private stamp = Number.NEGATIVE_INFINITY;
  /** What the master was last told. Acknowledging is idempotent, this only saves messages. */
  private acknowledged = 0;

  constructor(state: State) {
    this.state = state;
  }

  newMaster(): void {
    this.matched = 0;
    this.acknowledged = 0;
    this.stamp = Number.NEGATIVE_INFINITY;
  }

  /** The message is of the current term's master. */
  onAppend(message: Append): void {
    const { state } = this;
    const { log } = state;
    this.stamp = Math.max(this.stamp, message.stamp);
    const { prevIndex, prevTerm, entries } = message;
    // What is committed here is committed there: it matches, even if it has been trimmed.
    if (prevIndex > state.commit && log.termAt(prevIndex) !== prevTerm) {
      const hintIndex = log.agreeingBefore(prevIndex - 1, prevTerm);
      const hintTerm = log.termAt(hintIndex) ?? log.base.term;
      const { term } = state;
      state.sendDurably(message.from, {
        type: 'append-reject',
        term,
        prevIndex,
        hintIndex,
        hintTerm,
        stamp: message.stamp,
      });
      return;
    }
    if (entries.length > 0) this.takeOver(message);
    this.matched = Math.max(this.matched, prevIndex + entries.length);
    state.commit = Math.max(state.commit, Math.min(message.commit, this.matched));
    // Entries that are not on disk yet are acknowledged by the persist that brings them there; a heartbeat is not held up.
    if (entries.length === 0 || this.ackable() >= prevIndex + entries.length) this.acknowledge();
  }

  /** A snapshot of the current term's master was installed: everything in it is committed, so it matches. */
  installed(meta: SnapshotMeta): void {
    this.matched = Math.max(this.matched, meta.index);
  }

  /** A persist is durable: tell the master what that made of its entries. */
  persisted(): void {
    if (this.state.role === 'master' || this.state.master === null) return;
    if (this.ackable() > this.acknowledged) this.acknowledge();
  }

  /** Answers the master with the newest stamp and what is durable. */
  acknowledge(): void {
    const { state } = this;
    if (state.master === null) return;
    this.acknowledged = this.ackable();
    state.sendDurably(state.master, {
      type: 'append-ack',
      term: state.term,
      match: this.acknowledged,
      stamp: this.stamp,
    });
  }

  /** Hears a stamp that came with something else than an append. */
  heardStamp(stamp: number): void {
    this.stamp = Math.max(this.stamp, stamp);
  }

  /** Rule 1: only what is on disk is acknowledged. */
  protected ackable(): number {
    return Math.min(this.matched, this.state.log.durable);
  }

  private takeOver({ entries, prevIndex }: Append): void {
    const { log, membership, commit } = this.state;
    invariant(entries[0].index === prevIndex + 1, `entry ${entries[0].index} sent after ${prevIndex}`);
    const removed = log.reconcile(entries, commit);
    if (removed !== null) membership.truncate(removed);
    for (const entry of entries) {
      if (entry.membership !== null && entry.index > membership.currentIndex && entry.index > commit) {
        membership.add(entry.index, entry.membership);
      }
    }
  }
}
