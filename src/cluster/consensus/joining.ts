import type { MemberId } from './identity.ts';
import { isMember } from './membership.ts';
import type { State } from './state.ts';

/**
 * An instance that is in no membership asks the master to be let in, until the log says that it is. So does one that
 * was removed while it was away: it comes back as a learner, with the log that it has.
 */
export class Joining {
  private readonly state: State;
  /** Found by discovery. At most as many as a cluster can have members. */
  private contacts: readonly MemberId[] = [];
  /** A master said that this member is none any more. */
  private turnedAway = false;
  private askAt = 0;

  constructor(state: State) {
    this.state = state;
  }

  get needed(): boolean {
    const { state } = this;
    if (this.turnedAway || !isMember(state.membership.current, state.self.member)) return true;
    // A voter that was removed campaigns and is told; a learner can only guess from the silence.
    return !state.isVoter && state.now > state.masterHeardAt + 2 * state.timing.electionMaxMs;
  }

  meet(members: readonly MemberId[]): void {
    const { voters, learners } = this.state.limits;
    this.contacts = members.slice(0, voters + learners);
  }

  onNotMember(): void {
    this.turnedAway = true;
  }

  /** A master speaks to this member: it is in. */
  masterHeard(): void {
    this.turnedAway = false;
  }

  tick(): void {
    const { state } = this;
    if (!this.needed || state.now < this.askAt) return;
    this.askAt = state.now + state.timing.askMs;
    const { voters, learners } = state.membership.current;
    for (const id of new Set([...this.contacts, ...voters, ...learners])) {
      if (id !== state.self.member) state.send(id, { type: 'join', term: state.term });
    }
  }
}
