import type { Core } from '../consensus/core.ts';
import type { RemovalOutcome } from '../consensus/effects.ts';
import { isMember } from '../consensus/membership.ts';
import type { Refusal } from '../log-messages.ts';
import type { MemberId } from '../replicated-log.ts';

/** After so long nobody is told any more that a member is out; it may still go later. */
const PATIENCE_MS = 5_000;

interface Waiting {
  readonly member: MemberId;
  readonly until: number;
  readonly resolve: (refusal: Refusal | undefined) => void;
}

/** Who wants which members out, until they are, or are not. Bounded by time, and by who asks. */
export class Removals {
  /** Until the core has said what it makes of it. */
  #asking: Waiting | undefined;
  readonly #begun = new Set<Waiting>();

  /**
   * @param ask takes the wish to the core, whose answer comes to `answered` meanwhile
   * @returns why not; undefined when the member is out for good
   */
  begin(member: MemberId, now: number, ask: () => void): Promise<Refusal | undefined> {
    return new Promise((resolve) => {
      this.#asking = { member, until: now + PATIENCE_MS, resolve };
      ask();
      this.#asking?.resolve({ code: 'UNCERTAIN', why: 'this instance stops' });
      this.#asking = undefined;
    });
  }

  answered(outcome: RemovalOutcome, master: MemberId | null): void {
    const asking = this.#asking;
    this.#asking = undefined;
    if (asking === undefined) return;
    if (outcome === 'begun') this.#begun.add(asking);
    else asking.resolve(refusal(outcome, master));
  }

  /** To be called after each step. */
  look(core: Core, now: number): void {
    if (this.#begun.size === 0) return;
    const { membership, index } = core.membership;
    for (const waiting of this.#begun) {
      if (core.role === 'master' && !isMember(membership, waiting.member) && core.commitIndex >= index) {
        this.#end(waiting, undefined);
      } else if (core.role !== 'master' || now > waiting.until) {
        const why = core.role === 'master' ? 'the members have not agreed yet' : 'mastership ended before it was done';
        this.#end(waiting, { code: 'UNCERTAIN', why });
      }
    }
  }

  stop(): void {
    for (const waiting of this.#begun) this.#end(waiting, { code: 'UNCERTAIN', why: 'this instance stops' });
  }

  #end(waiting: Waiting, outcome: Refusal | undefined): void {
    this.#begun.delete(waiting);
    waiting.resolve(outcome);
  }
}

function refusal(outcome: Exclude<RemovalOutcome, 'begun'>, master: MemberId | null): Refusal {
  switch (outcome) {
    case 'not-master':
      return { code: 'NOT_MASTER', master: master ?? undefined };
    case 'no-member':
      return { code: 'NO_MEMBER' };
    case 'alive':
      return { code: 'MEMBER_ALIVE' };
    case 'needed':
      return { code: 'MEMBER_NEEDED' };
  }
}
