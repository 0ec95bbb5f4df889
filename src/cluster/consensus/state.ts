import type { Limits, Timing } from './config.ts';
import type { Durability } from './durability.ts';
import type { Effect, Role } from './effects.ts';
import type { ClusterId, Incarnation, MemberId } from './identity.ts';
import type { RaftLog } from './log.ts';
import type { MembershipHistory } from './membership.ts';
import { isVoter } from './membership.ts';
import type { Message, Outgoing } from './messages.ts';

/** How a concern asks for another role; the core carries the other concerns over. */
export interface Roles {
  /** Enter `term` (or stay in it) under `master`, if one is known. */
  becomeSlave(term: number, master: MemberId | null): void;
  /** A quorum voted for this member in the current term. */
  becomeMaster(): void;
}

/** What the concerns share: the Raft state of one member, and the way out. */
export class State {
  readonly cluster: ClusterId;
  readonly self: Incarnation;
  readonly timing: Timing;
  readonly limits: Limits;
  /** Uniform in [0, 1), seeded by the host. */
  readonly random: () => number;
  readonly log: RaftLog;
  readonly membership: MembershipHistory;
  readonly durability: Durability;

  /** Monotonic time of the event at hand, ms. Never falls. */
  now: number;
  /** When this run began. */
  readonly startedAt: number;

  /** The latest term seen. Never falls; in memory it may be ahead of the disk, but no message leaves before the disk has it. */
  term: number;
  /** Whom this member voted for in `term`. */
  vote: MemberId | null;
  role: Role = 'slave';
  /** The master of `term`, once known: there is never a second one in a term. */
  master: MemberId | null = null;
  /**
   * When a master was last heard, of whatever term. Until electionMinMs later this member elects nobody: masters build
   * their lease on it. The start of the run counts as hearing one, since the run before may have promised.
   */
  masterHeardAt: number;
  /** The fault-tolerance folder proved that the master's process is dead: its lease died with it. */
  masterDied = false;

  /** Entries up to here are committed, and durable on a quorum. commit <= last. Never falls. */
  commit: number;
  /** Entries up to here were handed to the state machine, or are inside a snapshot that is being installed. applied <= commit. */
  applied: number;

  /** Members that discovery found; at most as many as a cluster can have. A membership in a log may be long out of date. */
  contacts: readonly MemberId[] = [];

  private effects: Effect[] = [];

  constructor(init: {
    cluster: ClusterId;
    self: Incarnation;
    timing: Timing;
    limits: Limits;
    random: () => number;
    log: RaftLog;
    membership: MembershipHistory;
    durability: Durability;
    now: number;
    term: number;
    vote: MemberId | null;
    applied: number;
  }) {
    this.cluster = init.cluster;
    this.self = init.self;
    this.timing = init.timing;
    this.limits = init.limits;
    this.random = init.random;
    this.log = init.log;
    this.membership = init.membership;
    this.durability = init.durability;
    this.now = init.now;
    this.startedAt = init.now;
    this.masterHeardAt = init.now;
    this.term = init.term;
    this.vote = init.vote;
    this.commit = init.applied;
    this.applied = init.applied;
  }

  get isVoter(): boolean {
    return isVoter(this.membership.current, this.self.member);
  }

  /** A member that is neither master nor campaigning shows itself as what the membership says. */
  get restingRole(): Role {
    return this.isVoter ? 'slave' : 'learner';
  }

  /** Every other member this one knows of, from its log or by discovery. */
  get acquaintances(): ReadonlySet<MemberId> {
    const { voters, learners } = this.membership.current;
    const known = new Set([...voters, ...learners, ...this.contacts]);
    known.delete(this.self.member);
    return known;
  }

  emit(effect: Effect): void {
    this.effects.push(effect);
  }

  takeEffects(): Effect[] {
    const effects = this.effects;
    this.effects = [];
    return effects;
  }

  /** Sends at once: only for what promises nothing, or rests on what is durable already. */
  send(to: MemberId, message: Outgoing): void {
    this.emit({ type: 'send', message: this.addressed(to, message) });
  }

  /** Sends when the term and vote in memory are durable (rule 1). */
  sendDurably(to: MemberId, message: Outgoing): void {
    const addressed = this.addressed(to, message);
    if (!this.durability.holdUntilHardState(addressed)) this.emit({ type: 'send', message: addressed });
  }

  /** A new term, or a vote within the term: both go to disk with the next persist. */
  setHardState(term: number, vote: MemberId | null): void {
    this.term = term;
    this.vote = vote;
    this.durability.hardStateChanged();
  }

  /** Uniform in [min, max), from the handed-in randomness. */
  draw(min: number, max: number): number {
    return min + (max - min) * this.random();
  }

  private addressed(to: MemberId, message: Outgoing): Message {
    const { member, boot, nonce } = this.self;
    return { ...message, cluster: this.cluster, from: member, to, boot, nonce } as Message;
  }
}
