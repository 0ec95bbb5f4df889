import type { MemberId } from './identity.ts';
import { isMember } from './membership.ts';
import type { State } from './state.ts';

/** An instance that is in no membership asks the members that discovery found, until the log says that it is in. */
export class Joining {
  private readonly state: State;
  /** At most as many as a cluster can have members. */
  private contacts: readonly MemberId[] = [];
  private askAt = 0;

  constructor(state: State) {
    this.state = state;
  }

  get needed(): boolean {
    return !isMember(this.state.membership.current, this.state.self.member);
  }

  meet(members: readonly MemberId[]): void {
    const { voters, learners } = this.state.limits;
    this.contacts = members.slice(0, voters + learners);
  }

  tick(): void {
    const { state } = this;
    if (!this.needed || state.now < this.askAt) return;
    this.askAt = state.now + state.timing.askMs;
    for (const id of this.contacts) {
      if (id !== state.self.member) state.send(id, { type: 'join', term: state.term });
    }
  }
}
