import type { MemberId } from './identity.ts';
import type { Lease } from './lease.ts';
import { isVoter } from './membership.ts';
import type { Replication } from './replication.ts';
import type { State } from './state.ts';

/**
 * Orderly handing over of mastership (thesis §3.10). The master takes no more proposals, waits until everything is
 * committed and the heir has it, gives up its lease, and orders the heir to campaign at once.
 *
 * Once the order has left, the lease of this term is gone for good: the order may arrive at any later moment, and
 * voters then elect the heir without waiting for a silence. If nothing comes of it, the master steps down.
 */
export class Transfer {
  protected readonly state: State;
  private readonly replication: Replication;
  protected readonly lease: Lease;
  /** null: no transfer under way. */
  private heir: MemberId | null = null;
  private ordered = false;
  private deadline = 0;

  constructor(state: State, replication: Replication, lease: Lease) {
    this.state = state;
    this.replication = replication;
    this.lease = lease;
  }

  get underWay(): boolean {
    return this.heir !== null;
  }

  get wakeAt(): number {
    return this.heir === null ? Number.POSITIVE_INFINITY : this.deadline;
  }

  /** @param to the wanted heir; null: the voter whose log is furthest among those heard lately. */
  start(to: MemberId | null): void {
    const { state } = this;
    if (this.heir !== null) return;
    this.heir = to === null ? this.furthest() : to;
    if (this.heir === null || this.heir === state.self.member || !isVoter(state.membership.current, this.heir)) {
      this.end('failed');
      return;
    }
    this.ordered = false;
    this.deadline = state.now + state.timing.electionMinMs;
    this.advance();
  }

  /** Something was acknowledged or committed: perhaps the heir is ready. */
  advance(): void {
    const { state, heir } = this;
    if (heir === null || this.ordered) return;
    const { last } = state.log;
    if (state.applied < last || (this.replication.progress.get(heir)?.match ?? 0) < last) return;
    this.relinquish();
    this.ordered = true;
    this.deadline = state.now + state.timing.electionMinMs;
    state.sendDurably(heir, { type: 'timeout-now', term: state.term });
  }

  /** @returns true when the order had no consequence and the master must step down. */
  tick(): boolean {
    if (this.heir === null || this.state.now < this.deadline) return false;
    if (this.ordered) return true;
    this.end('failed');
    return false;
  }

  /** Mastership ended, in whatever way. */
  stop(): void {
    if (this.heir !== null) this.end(this.ordered ? 'handed-over' : 'failed');
  }

  protected relinquish(): void {
    this.lease.relinquish();
  }

  private end(outcome: 'handed-over' | 'failed'): void {
    this.heir = null;
    this.state.emit({ type: 'transfer-ended', outcome });
  }

  private furthest(): MemberId | null {
    const { state } = this;
    let best: MemberId | null = null;
    let bestMatch = -1;
    for (const id of state.membership.counted()) {
      const progress = this.replication.progress.get(id);
      if (progress === undefined || state.now > progress.heardAt + state.timing.leaseMs) continue;
      if (progress.match > bestMatch) {
        best = id;
        bestMatch = progress.match;
      }
    }
    return best;
  }
}
