import type { MemberId } from './identity.ts';
import { reachedByMajority } from './quorum.ts';
import type { State } from './state.ts';

/**
 * The right to answer without asking anyone (rule 10).
 *
 * A member that acknowledges a message of its master promises, by doing so, to elect nobody else for electionMinMs. The
 * master counts from when it *sent* that message, which is earlier, and only for leaseMs, which is shorter by more than
 * two clocks can drift apart. So while a quorum's acknowledgements are that fresh, no other master can exist; and as
 * any later quorum shares a voter with this one, none can have been elected meanwhile.
 */
export class Lease {
  private readonly state: State;
  /** Per member: when the newest message that it has acknowledged in this term was sent. */
  private readonly sentAt = new Map<MemberId, number>();
  /** The master's first entry of its term: until it is applied, older acknowledged entries may be missing from the tables. */
  private firstIndex = 0;
  /** Mastership was ordered away: in this term there is no way back, the order may arrive at any time. */
  private relinquished = false;

  constructor(state: State) {
    this.state = state;
  }

  start(firstIndex: number): void {
    this.sentAt.clear();
    this.firstIndex = firstIndex;
    this.relinquished = false;
  }

  /** `member` acknowledged, in this term, what was sent at `stamp`. Old and repeated acknowledgements change nothing. */
  acknowledged(member: MemberId, stamp: number): void {
    const known = this.sentAt.get(member);
    if (known === undefined || stamp > known) this.sentAt.set(member, stamp);
  }

  relinquish(): void {
    this.relinquished = true;
  }

  /**
   * Until when this member may answer, by its monotonic clock; `-Infinity` if not at all, `Infinity` where it is the only
   * voter: nobody else can be elected before it has put another voter into its own log, and from then on it is asked again.
   */
  until(now: number): number {
    const { state } = this;
    if (state.role !== 'master' || this.relinquished || state.applied < this.firstIndex)
      return Number.NEGATIVE_INFINITY;
    const voters = state.membership.counted();
    if (voters.length === 1 && voters[0] === state.self.member) return Number.POSITIVE_INFINITY;
    const times = voters.map((id) =>
      id === state.self.member ? now : (this.sentAt.get(id) ?? Number.NEGATIVE_INFINITY),
    );
    return reachedByMajority(times) + state.timing.leaseMs;
  }

  /** To be asked for every answer, with the time at that moment: the event loop may have stood still since the last event. */
  mayAnswer(now: number): boolean {
    return now < this.until(now);
  }
}
