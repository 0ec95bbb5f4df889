import type { RemovalOutcome } from './effects.ts';
import { membershipEntry } from './entry.ts';
import type { MemberId } from './identity.ts';
import { changed, isMember, type MembershipChange } from './membership.ts';
import { majority } from './quorum.ts';
import type { Replication } from './replication.ts';
import type { State } from './state.ts';

/**
 * The master's policy for who belongs to the cluster, one server at a time. It keeps no plan: every step follows from
 * the membership in force and from who is heard, so a new master carries on where the last one stopped.
 *
 * - Whoever asks to join becomes a learner.
 * - An odd number of voters is left only for a good reason: two learners have caught up (1 -> 3 -> 5 -> 7), or a voter
 *   has been dead for replaceAfterMs and one learner has caught up to replace it.
 * - An even number is only passed through: a dead voter is removed (that completes a replacement), else a learner is
 *   promoted; if neither is possible for evenVotersMs, a voter is demoted.
 * - A learner dead for replaceAfterMs is removed.
 * - Somebody may want a silent member out: it counts as dead for long then. Of more than three voters such a one is removed
 *   though nobody has caught up to replace it, of fewer never; and only while the others are enough to agree on it.
 */
export class Reconfiguration {
  protected readonly state: State;
  private readonly replication: Replication;
  /** Who asked to join and is not a member yet. At most limits.learners. */
  private readonly asking = new Set<MemberId>();
  /** Members that somebody wants out. At most as many as there are members; those that are heard again stay. */
  private readonly unwanted = new Set<MemberId>();
  /** Since when the number of voters has been even. */
  private evenSince: number | null = null;

  constructor(state: State, replication: Replication) {
    this.state = state;
    this.replication = replication;
  }

  start(): void {
    this.asking.clear();
    this.unwanted.clear();
    this.evenSince = null;
  }

  /** An instance wants in. It asks again until it is a member, so what does not fit is forgotten. */
  onJoin(member: MemberId): void {
    if (isMember(this.state.membership.current, member)) return;
    if (this.asking.size < this.state.limits.learners) this.asking.add(member);
  }

  /** Somebody wants the member out. */
  remove(member: MemberId): RemovalOutcome {
    const { membership, timing } = this.state;
    if (!isMember(membership.current, member)) return 'no-member';
    if (member === this.state.self.member || this.silentFor(member) <= timing.livenessMs) return 'alive';
    const { voters, learners } = membership.current;
    const replaced = voters.length === LEAST_VOTERS && learners.some((id) => this.caughtUp(id));
    if (voters.includes(member) && voters.length <= LEAST_VOTERS && !replaced) return 'needed';
    if (voters.includes(member) && !this.canSpare(member)) return 'needed';
    this.unwanted.add(member);
    return 'begun';
  }

  /** Appends the next change, if there is one. @returns whether it did. */
  advance(): boolean {
    const { state } = this;
    if (state.membership.current.voters.length % 2 === 1) this.evenSince = null;
    else this.evenSince ??= state.now;
    if (this.changePending() || !this.committedInOwnTerm()) return false;
    const change = this.next();
    if (change === null) return false;
    const membership = changed(state.membership.current, change);
    const index = state.log.last + 1;
    state.log.append(membershipEntry(index, state.term, membership));
    state.membership.add(index, membership);
    this.asking.delete(change.member);
    for (const id of this.unwanted) if (!isMember(membership, id)) this.unwanted.delete(id);
    return true;
  }

  /** Rule 7: one change at a time. */
  protected changePending(): boolean {
    return this.state.membership.currentIndex > this.state.commit;
  }

  /** Rule 7: before, a change of an earlier master might still turn up, and quorums of both need not meet. */
  protected committedInOwnTerm(): boolean {
    return this.state.log.termAt(this.state.commit) === this.state.term;
  }

  protected next(): MembershipChange | null {
    const { state } = this;
    const { voters, learners } = state.membership.current;
    for (const member of this.asking) {
      if (learners.length < state.limits.learners) return { change: 'add-learner', member };
    }
    const ready = learners.filter((id) => this.caughtUp(id));
    const dead = voters.find((id) => this.isGone(id));
    if (voters.length % 2 === 1) {
      const grow = voters.length + 2 <= state.limits.voters && ready.length >= 2;
      const replace = dead !== undefined && ready.length >= 1;
      if (grow || replace) return { change: 'promote', member: ready[0] };
      if (dead !== undefined && this.unwanted.has(dead) && voters.length > LEAST_VOTERS) {
        return { change: 'remove', member: dead };
      }
    } else {
      if (dead !== undefined) return { change: 'remove', member: dead };
      if (ready.length > 0 && voters.length < state.limits.voters) return { change: 'promote', member: ready[0] };
      if (this.evenSince !== null && state.now > this.evenSince + state.timing.evenVotersMs) {
        const member = voters.findLast((id) => id !== state.self.member) as MemberId;
        return { change: 'demote', member };
      }
    }
    const gone = learners.find((id) => this.isGone(id));
    return gone === undefined ? null : { change: 'remove', member: gone };
  }

  private isGone(member: MemberId): boolean {
    const { membership, timing } = this.state;
    // While there are so few voters that one would be missed, what was begun waits.
    const { voters } = membership.current;
    const atOnce = this.unwanted.has(member) && voters.length >= LEAST_VOTERS && this.canSpare(member);
    return this.silentFor(member) > (atOnce ? timing.livenessMs : timing.replaceAfterMs);
  }

  /**
   * The others that are heard are a majority of those that would be left. If not, its removal could never be committed, and with
   * two more dead it would be this member that is missed when it comes back.
   */
  private canSpare(voter: MemberId): boolean {
    const { membership, self, timing } = this.state;
    const left = membership.current.voters.filter((id) => id !== voter);
    const heard = left.filter((id) => id === self.member || this.silentFor(id) <= timing.electionMinMs);
    return heard.length >= majority(left.length);
  }

  private caughtUp(member: MemberId): boolean {
    const progress = this.replication.progress.get(member);
    return (
      progress !== undefined &&
      progress.state === 'replicate' &&
      this.silentFor(member) < this.state.timing.electionMinMs &&
      progress.match + this.state.limits.caughtUpEntries >= this.state.log.last
    );
  }

  private silentFor(member: MemberId): number {
    const progress = this.replication.progress.get(member);
    return progress === undefined ? 0 : this.state.now - progress.heardAt;
  }
}

/** So many survive the loss of one; with fewer a dead one is worth keeping, for it may come back. */
const LEAST_VOTERS = 3;
