import type { MemberId } from './identity.ts';
import { isMember } from './membership.ts';
import type { State } from './state.ts';

/** A silence of so many election timeouts is not an election any more. */
const SILENT_ELECTIONS = 4;

/**
 * An instance that is in no membership asks the master to be let in, until the log says that it is. So does a member
 * that hears no master for long: perhaps it was removed while it was away, and comes back as a learner, with the log
 * that it has. A master that knows it already ignores the request.
 */
export class Joining {
  private readonly state: State;
  private askAt = 0;

  constructor(state: State) {
    this.state = state;
  }

  get needed(): boolean {
    const { state } = this;
    if (state.role === 'master') return false;
    const silent = state.now > state.masterHeardAt + SILENT_ELECTIONS * state.timing.electionMaxMs;
    return silent || !isMember(state.membership.current, state.self.member);
  }

  meet(members: readonly MemberId[]): void {
    const { voters, learners } = this.state.limits;
    this.state.contacts = members.slice(0, voters + learners);
  }

  tick(): void {
    const { state } = this;
    if (!this.needed || state.now < this.askAt) return;
    this.askAt = state.now + state.timing.askMs;
    for (const id of state.acquaintances) state.send(id, { type: 'join', term: state.term });
  }
}
