import type { MemberId } from './identity.ts';
import { invariant } from './invariant.ts';

/**
 * Who belongs to the cluster. Voters elect and acknowledge; learners only receive (rule 8). Both lists are sorted and
 * share no member, so equal memberships are equal arrays on every member.
 */
export interface Membership {
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
}

/** The state of an instance that has joined but has not yet received the log. */
export const NO_MEMBERS: Membership = { voters: [], learners: [] };

/** One server at a time (Raft thesis §4.1): majorities of two neighbouring memberships always share a voter. */
export type MembershipChange =
  | { readonly change: 'add-learner'; readonly member: MemberId }
  | { readonly change: 'promote'; readonly member: MemberId }
  | { readonly change: 'demote'; readonly member: MemberId }
  | { readonly change: 'remove'; readonly member: MemberId };

export function membershipOf(voters: readonly MemberId[], learners: readonly MemberId[] = []): Membership {
  return { voters: [...voters].sort(), learners: [...learners].sort() };
}

export function isVoter(membership: Membership, member: MemberId): boolean {
  return membership.voters.includes(member);
}

export function isMember(membership: Membership, member: MemberId): boolean {
  return membership.voters.includes(member) || membership.learners.includes(member);
}

/** The membership after one change. A change that would do nothing, or leave no voter, is a programming error. */
export function changed(membership: Membership, { change, member }: MembershipChange): Membership {
  const { voters, learners } = membership;
  const without = (list: readonly MemberId[]) => list.filter((id) => id !== member);
  switch (change) {
    case 'add-learner':
      invariant(!isMember(membership, member), `${member} is a member already`);
      return membershipOf(voters, [...learners, member]);
    case 'promote':
      invariant(learners.includes(member), `only a learner is promoted, ${member} is none`);
      return membershipOf([...voters, member], without(learners));
    case 'demote':
      invariant(voters.includes(member) && voters.length > 1, `${member} cannot be demoted`);
      return membershipOf(without(voters), [...learners, member]);
    case 'remove':
      invariant(isMember(membership, member), `${member} is no member`);
      invariant(without(voters).length > 0, 'the last voter cannot be removed');
      return membershipOf(without(voters), without(learners));
  }
}

interface Step {
  /** The log index from which the membership holds. */
  readonly index: number;
  readonly membership: Membership;
}

/**
 * Every membership of the untrimmed log, oldest first. A membership holds from the moment its entry is *appended*
 * (thesis §4.1), so a truncation must be able to go back to the one before it.
 */
export class MembershipHistory {
  /** Never empty; indexes strictly rise; the first is the membership of the log's base. */
  private steps: Step[];

  constructor(baseIndex: number, membership: Membership) {
    this.steps = [{ index: baseIndex, membership }];
  }

  /** The membership in force: the newest in the log, committed or not. */
  get current(): Membership {
    return this.steps[this.steps.length - 1].membership;
  }

  /** The index of the entry that brought the membership in force. */
  get currentIndex(): number {
    return this.steps[this.steps.length - 1].index;
  }

  /** Whose acknowledgements, votes and contacts count: the voters, never a learner (rule 8). */
  counted(): readonly MemberId[] {
    return this.current.voters;
  }

  /** The membership that held at `index`. */
  at(index: number): Membership {
    for (let i = this.steps.length - 1; i > 0; i--) {
      if (this.steps[i].index <= index) return this.steps[i].membership;
    }
    return this.steps[0].membership;
  }

  add(index: number, membership: Membership): void {
    invariant(index > this.currentIndex, `membership at ${index} does not follow ${this.currentIndex}`);
    this.steps.push({ index, membership });
  }

  /** The entries from `index` on are gone. */
  truncate(index: number): void {
    while (this.steps.length > 1 && this.currentIndex >= index) this.steps.pop();
  }

  /** The log now starts after `index`. */
  trim(index: number): void {
    let drop = 0;
    while (drop + 1 < this.steps.length && this.steps[drop + 1].index <= index) drop++;
    if (drop > 0) this.steps.splice(0, drop);
  }

  /** A snapshot replaced the log up to and including `index`; what follows it was kept or dropped by the log. */
  reset(index: number, membership: Membership, keepLater: boolean): void {
    const later = keepLater ? this.steps.filter((step) => step.index > index) : [];
    this.steps = [{ index, membership }, ...later];
  }
}
