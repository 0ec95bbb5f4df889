import type { Admission } from './admission.ts';
import { CONCERNS, type Concerns } from './concerns.ts';
import { checkTiming, DEFAULT_LIMITS, DEFAULT_TIMING, type Limits, type Timing } from './config.ts';
import type { Effect, Role, Stored } from './effects.ts';
import type { Election } from './election.ts';
import { membershipEntry, noopEntry } from './entry.ts';
import type { Event } from './events.ts';
import type { Following } from './following.ts';
import type { ClusterId, Incarnation, MemberId } from './identity.ts';
import { invariant } from './invariant.ts';
import { Joining } from './joining.ts';
import type { Lease } from './lease.ts';
import type { RaftLog } from './log.ts';
import type { Membership } from './membership.ts';
import type { Append, Message, SnapshotChunk } from './messages.ts';
import type { Progress } from './progress.ts';
import type { Proposals } from './proposals.ts';
import type { Reconfiguration } from './reconfiguration.ts';
import type { Replication } from './replication.ts';
import type { SnapshotReceiver } from './snapshot-receiver.ts';
import { SnapshotSender } from './snapshot-sender.ts';
import { State } from './state.ts';
import type { Transfer } from './transfer.ts';
import { trimLog } from './trimming.ts';

export interface CoreOptions {
  readonly cluster: ClusterId;
  readonly self: Incarnation;
  /** What the disk held when this run began. */
  readonly stored: Stored;
  /** Monotonic time at the start of this run, ms. */
  readonly now: number;
  /** Uniform in [0, 1); spreads elections. The only randomness there is. */
  readonly random: () => number;
  readonly timing?: Partial<Timing>;
  readonly limits?: Partial<Limits>;
  /** Tests and the simulation put faulty concerns in here, to see that the fault is found. */
  readonly concerns?: Partial<Concerns>;
}

/**
 * One member of a Raft group, without I/O: events in, effects out, nothing else. It never reads a clock, a disk, the
 * network or randomness; all four are handed in. The README tells how the concerns work together.
 *
 * @example
 *   const core = new Core({ cluster, self, stored, now: performance.now(), random: Math.random });
 *   for (const effect of core.step({ type: 'tick' }, performance.now())) perform(effect);
 */
export class Core {
  private readonly state: State;
  private readonly admission: Admission;
  private readonly joining: Joining;
  private readonly election: Election;
  private readonly following: Following;
  private readonly replication: Replication;
  private readonly snapshotSender: SnapshotSender;
  private readonly snapshotReceiver: SnapshotReceiver;
  private readonly lease: Lease;
  private readonly proposals: Proposals;
  private readonly transfer: Transfer;
  private readonly reconfiguration: Reconfiguration;
  private halted = false;
  private reported: { role: Role; term: number; master: MemberId | null; membershipIndex: number };

  /** @throws {TimingError} if the times contradict each other. */
  constructor(options: CoreOptions) {
    const { stored, cluster, self, now, random } = options;
    const concerns = { ...CONCERNS, ...options.concerns };
    const log = new concerns.RaftLog(stored.base, stored.entries);
    const membership = new concerns.MembershipHistory(stored.base.index, stored.base.membership);
    for (const entry of stored.entries) if (entry.membership !== null) membership.add(entry.index, entry.membership);
    invariant(stored.applied >= stored.base.index && stored.applied <= log.last, 'applied is outside the stored log');
    const state = new State({
      cluster,
      self,
      timing: checkTiming({ ...DEFAULT_TIMING, ...options.timing }),
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      random,
      log,
      membership,
      durability: new concerns.Durability(log),
      now,
      term: stored.hardState.term,
      vote: stored.hardState.vote,
      applied: stored.applied,
    });
    this.state = state;
    state.role = state.restingRole;
    this.admission = new concerns.Admission(state);
    this.joining = new Joining(state);
    this.election = new concerns.Election(state, {
      becomeSlave: (term, master) => this.becomeSlave(term, master),
      becomeMaster: () => this.becomeMaster(),
    });
    this.following = new concerns.Following(state);
    this.snapshotSender = new SnapshotSender(state);
    this.snapshotReceiver = new concerns.SnapshotReceiver(state, this.following);
    this.replication = new concerns.Replication(state, this.snapshotSender);
    this.lease = new concerns.Lease(state);
    this.proposals = new concerns.Proposals(state);
    this.transfer = new concerns.Transfer(state, this.replication, this.lease);
    this.reconfiguration = new concerns.Reconfiguration(state, this.replication);
    this.reported = { role: state.role, term: state.term, master: null, membershipIndex: membership.currentIndex };
  }

  /**
   * Takes one event in and says what is to be done.
   *
   * @param now monotonic time of the event, ms; a time before the last one counts as the last one.
   * @returns effects, to be performed in order. `persist` may complete later; everything else is immediate.
   * @throws {InvariantError} if the state has become impossible; the member must stop.
   */
  step(event: Event, now: number): Effect[] {
    if (this.halted) return [];
    this.state.now = Math.max(this.state.now, now);
    this.take(event);
    this.settle();
    return this.state.takeEffects();
  }

  /** Whether this member may answer clients at `now`; ask anew for every answer (rule 10). */
  mayAnswer(now: number): boolean {
    return !this.halted && this.lease.mayAnswer(now);
  }

  /**
   * Until when this member may answer, on the clock that `step` is handed; `-Infinity` if not at all. For a thread that
   * answers without asking: any value given earlier stays true until then, unless a `role` effect or a transfer ended
   * mastership, and grows with every acknowledgement.
   */
  leaseUntil(now: number): number {
    return this.halted ? Number.NEGATIVE_INFINITY : this.lease.until(now);
  }

  /** The latest time at which the next `tick` should come. */
  get wakeAt(): number {
    if (this.state.role === 'master') return Math.min(this.replication.wakeAt, this.transfer.wakeAt);
    const asking = this.admission.muted || this.joining.needed ? this.state.now + this.state.timing.askMs : Infinity;
    return Math.min(this.election.wakeAt, asking);
  }

  get role(): Role {
    return this.state.role;
  }
  get term(): number {
    return this.state.term;
  }
  /** The master of the current term, if known. */
  get master(): MemberId | null {
    return this.state.master;
  }
  /** Whether the present term began with a handover, as far as this voter knows. */
  get byOrder(): boolean {
    return this.election.byOrder;
  }
  get commitIndex(): number {
    return this.state.commit;
  }
  get appliedIndex(): number {
    return this.state.applied;
  }
  get lastIndex(): number {
    return this.state.log.last;
  }
  /** The membership in force, and the log index that brought it. */
  get membership(): { readonly membership: Membership; readonly index: number } {
    return { membership: this.state.membership.current, index: this.state.membership.currentIndex };
  }
  /** This incarnation is not yet, or no longer, accepted by the others. */
  get muted(): boolean {
    return this.admission.muted;
  }
  /** At the master: how far each other member is. Elsewhere empty. */
  get progress(): ReadonlyMap<MemberId, Readonly<Progress>> {
    return this.replication.progress;
  }
  /** The log, for status pages and the checks of the simulation. */
  get log(): Pick<RaftLog, 'base' | 'last' | 'lastTerm' | 'termAt' | 'entry' | 'durable' | 'bytes'> {
    return this.state.log;
  }

  private take(event: Event): void {
    switch (event.type) {
      case 'tick':
        this.tick();
        return;
      case 'message':
        this.receive(event.message);
        return;
      case 'persisted':
        this.persisted(event.seq);
        return;
      case 'proposed':
        for (const { requestId, data } of event.requests) this.propose(requestId, data);
        return;
      case 'applied':
        trimLog(this.state, event.index, this.replication, this.snapshotSender);
        return;
      case 'died':
        if (this.admission.died(event.member, event.boot) && !this.admission.muted) {
          if (event.member === this.state.master && this.state.role !== 'master') this.election.masterDied();
        }
        return;
      case 'heard':
        this.admission.keepalive(event);
        return;
      case 'transfer':
        if (this.state.role === 'master') this.transfer.start(event.to);
        else this.state.emit({ type: 'transfer-ended', outcome: 'failed' });
        return;
      case 'remove': {
        const outcome = this.state.role === 'master' ? this.reconfiguration.remove(event.member) : 'not-master';
        this.state.emit({ type: 'removal', member: event.member, outcome });
        return;
      }
      case 'contacts':
        this.joining.meet(event.members);
        return;
      case 'snapshot-read': {
        const progress = this.replication.progress.get(event.to);
        if (progress !== undefined) this.snapshotSender.onRead(progress, event.transfer, event.chunk);
        return;
      }
      case 'chunk-staged':
        this.snapshotReceiver.onStaged(event.index, event.next, event.outcome);
        return;
    }
  }

  private tick(): void {
    const { state } = this;
    this.admission.tick();
    if (this.admission.hopeless) {
      this.halt();
      return;
    }
    this.joining.tick();
    if (this.admission.muted) return;
    this.election.tick();
    if (state.role !== 'master') return;
    if (this.replication.quorumLost() || this.transfer.tick()) {
      this.becomeSlave(state.term, null);
      return;
    }
    if (this.reconfiguration.advance()) this.replication.membershipChanged();
    this.replication.tick();
    const { voters, learners } = state.membership.current;
    this.admission.forgetStrangers([...voters, ...learners]);
  }

  private receive(message: Message): void {
    const { state, admission } = this;
    if (message.cluster !== state.cluster || message.to !== state.self.member) return;
    if (message.type === 'refused') {
      admission.onRefused(message);
      if (admission.muted && state.role === 'master') this.becomeSlave(state.term, null);
      return;
    }
    if (!admission.accepts(message)) return;
    switch (message.type) {
      case 'hello':
        admission.onHello(message, this.mayAnswer(state.now));
        return;
      case 'welcome':
        admission.onWelcome(message);
        return;
    }
    if (admission.muted) return;
    switch (message.type) {
      case 'pre-vote':
        this.election.onPreVote(message);
        return;
      case 'pre-vote-reply':
        this.election.onPreVoteReply(message);
        return;
      case 'vote':
        this.election.onVote(message);
        return;
      case 'timeout-now':
        this.election.onTimeoutNow(message);
        return;
      case 'append':
        if (this.acceptMaster(message)) this.following.onAppend(message);
        return;
      case 'snapshot-chunk':
        if (this.acceptMaster(message)) this.snapshotReceiver.onChunk(message);
        return;
      case 'join':
        if (state.role === 'master') this.reconfiguration.onJoin(message.from);
        return;
    }
    // Only answers to a candidate or master are left: of a later term they end its candidacy or mastership.
    if (message.term > state.term) this.becomeSlave(message.term, null);
    if (message.term < state.term) return;
    if (message.type === 'vote-reply') {
      this.election.onVoteReply(message);
      return;
    }
    if (state.role !== 'master') return;
    const progress = this.replication.heard(message.from);
    if (progress === null) return;
    if (message.type === 'snapshot-ack') {
      this.snapshotSender.onAck(progress, message);
      return;
    }
    this.lease.acknowledged(message.from, message.stamp);
    if (message.type === 'append-ack') this.replication.onAck(progress, message);
    else this.replication.onReject(progress, message);
  }

  /** A message that only a master sends. @returns false if its term is over, of which it is told, or its life. */
  private acceptMaster(message: Append | SnapshotChunk): boolean {
    const { state } = this;
    if (this.election.isFromTheDead(message)) return false;
    if (message.term < state.term) {
      const { term, log } = state;
      const { stamp } = message;
      const prevIndex = message.type === 'append' ? message.prevIndex : message.meta.index;
      state.sendDurably(message.from, {
        type: 'append-reject',
        term,
        prevIndex,
        hintIndex: log.last,
        hintTerm: log.lastTerm,
        stamp,
      });
      return false;
    }
    invariant(state.role !== 'master' || message.term > state.term, `two masters in term ${state.term}`);
    if (message.term > state.term || state.master !== message.from) {
      this.becomeSlave(message.term, message.from);
      this.following.newMaster();
    }
    this.election.masterHeard();
    return true;
  }

  private persisted(seq: number): void {
    const done = this.state.durability.persisted(seq);
    invariant(done !== null, `persist ${seq} is not under way`);
    for (const message of done.released) this.state.emit({ type: 'send', message });
    if (done.installed !== null) this.state.emit({ type: 'restore', meta: done.installed });
    this.election.persisted();
    this.following.persisted();
  }

  private propose(requestId: number, data: Uint8Array): void {
    const { state } = this;
    if (state.role !== 'master') this.proposals.refuse(requestId, state.master);
    else if (this.transfer.underWay) this.proposals.refuse(requestId, null);
    else this.proposals.propose(requestId, data);
  }

  private becomeSlave(term: number, master: MemberId | null): void {
    const { state } = this;
    const wasMaster = state.role === 'master';
    if (term > state.term) state.setHardState(term, null);
    state.role = state.restingRole;
    state.master = master;
    if (master !== null) state.masterDied = false;
    this.election.stop(wasMaster);
    if (!wasMaster) return;
    this.replication.stop();
    this.transfer.stop();
    this.proposals.lost();
  }

  private becomeMaster(): void {
    const { state } = this;
    state.role = 'master';
    state.master = state.self.member;
    state.masterDied = false;
    this.election.stop(false);
    this.replication.start();
    this.reconfiguration.start();
    // Rule 3: nothing of earlier terms can be committed without an entry of this one.
    const index = state.log.last + 1;
    if (index > 1) state.log.append(noopEntry(index, state.term));
    else {
      // The very first master writes down what the genesis decided, for those who come later.
      state.log.append(membershipEntry(index, state.term, state.membership.current));
      state.membership.add(index, state.membership.current);
    }
    this.lease.start(index);
  }

  /** What follows from the event at hand, whatever it was. */
  private settle(): void {
    const { state } = this;
    if (state.role === 'master') {
      this.replication.advanceCommit();
      this.replication.sendEntries();
    }
    this.apply();
    if (state.role === 'master') this.transfer.advance();
    state.durability.flush({ term: state.term, vote: state.vote }, (effect) => state.emit(effect));
    this.report();
  }

  /** Hands over what is committed and on this member's disk: its tables never run ahead of its log. */
  private apply(): void {
    const { state } = this;
    const upTo = Math.min(state.commit, state.log.durable);
    if (upTo <= state.applied) return;
    const entries = state.log.slice(state.applied + 1, upTo);
    state.applied = upTo;
    state.emit({ type: 'apply', entries });
    this.proposals.applied(upTo);
  }

  private report(): void {
    const { state, reported } = this;
    if (state.role === 'slave' || state.role === 'learner') state.role = state.restingRole;
    const { role, term, master } = state;
    const { current, currentIndex } = state.membership;
    if (currentIndex !== reported.membershipIndex) {
      state.emit({ type: 'membership', membership: current, index: currentIndex });
    }
    if (role !== reported.role || term !== reported.term || master !== reported.master) {
      state.emit({ type: 'role', role, term, master });
    }
    this.reported = { role, term, master, membershipIndex: currentIndex };
  }

  private halt(): void {
    this.state.emit({ type: 'halt', reason: 'duplicate' });
    this.halted = true;
  }
}
