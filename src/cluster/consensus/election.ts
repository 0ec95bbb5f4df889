import type { MemberId } from './identity.ts';
import type { Envelope, PreVote, PreVoteReply, TimeoutNow, Vote, VoteReply } from './messages.ts';
import { majority } from './quorum.ts';
import type { Roles, State } from './state.ts';

/**
 * Finding a new master (Raft §5.2, §5.4.1, thesis §9.6).
 *
 * A voter that misses its master first asks whether it would be elected (pre-vote): that changes nothing anywhere, so
 * an isolated member cannot disturb the others when it returns (rule 9). Only with a quorum of yeses does it enter a new
 * term, vote for itself, and once that is on disk ask for votes.
 */
export class Election {
  protected readonly state: State;
  private readonly roles: Roles;
  /** `asking`: pre-vote under way. `standing`: in a term of its own, vote under way. */
  private phase: 'idle' | 'asking' | 'standing' = 'idle';
  /** Answers to the question under way, counted ones only. */
  private readonly answers = new Map<MemberId, boolean>();
  /** When to campaign, unless a master is heard before. */
  private campaignAt: number;
  /** The silence that this member bears, drawn anew with every role and term, so that two seldom stand at once. */
  private patienceMs: number;
  /** Candidacies in a row that nobody answered in time: disks are slow, and are given longer. */
  private unanswered = 0;
  /** When it last entered a term of its own. */
  private stoodAt = 0;
  /** It voted for another, of whom it has not heard as the master yet. */
  private backing = false;
  /** A term or vote that the disk does not have yet; what others may do for it begins when it has. */
  private saving = false;
  private masterDiedAt = 0;
  /** Whose death, in which term, `state.masterDied` is about. */
  private deadMaster: MemberId | null = null;
  private deadTerm = 0;
  /** The latest term whose election a master ordered when it handed over, as far as this member was asked for its vote. */
  private orderedTerm = 0;

  constructor(state: State, roles: Roles) {
    this.state = state;
    this.roles = roles;
    this.patienceMs = this.drawPatience();
    // The only voter has nobody to wait for, and nobody to whom a former run could have promised anything.
    const alone = state.isVoter && state.membership.counted().length === 1;
    this.campaignAt = alone ? state.now : state.now + this.patienceMs;
  }

  /** Whether the present term began with a handover. */
  get byOrder(): boolean {
    return this.orderedTerm === this.state.term;
  }

  /** When `tick` will have something to do. */
  get wakeAt(): number {
    return this.state.role === 'master' || !this.state.isVoter ? Number.POSITIVE_INFINITY : this.campaignAt;
  }

  tick(): void {
    const { state } = this;
    if (state.role === 'master' || !state.isVoter || state.now < this.campaignAt) return;
    // Another term would only wait behind the one that the disk is writing.
    if (!state.durability.hardStateDurable) return;
    this.campaign();
  }

  /** The role or term changed: whatever was being asked is settled. A former master waits like everyone else. */
  stop(wasMaster: boolean): void {
    this.phase = 'idle';
    this.backing = false;
    this.answers.clear();
    this.patienceMs = this.drawPatience();
    if (wasMaster) this.campaignAt = this.state.now + this.patienceMs;
  }

  /** The master of the current term, or its snapshot, spoke. */
  masterHeard(): void {
    const { state } = this;
    state.masterHeardAt = state.now;
    this.unanswered = 0;
    this.backing = false;
    this.campaignAt = state.now + this.patienceMs;
    // It went on speaking long after its death was reported: the report was wrong, and the promise holds again.
    if (state.masterDied && state.now > this.masterDiedAt + state.timing.electionMinMs) state.masterDied = false;
  }

  /** Proof that the master's process is dead. The voters' turns are staggered, so that one of them wins at once. */
  masterDied(): void {
    const { state } = this;
    state.masterDied = true;
    this.masterDiedAt = state.now;
    this.deadMaster = state.master;
    this.deadTerm = state.term;
    const rank = state.membership
      .counted()
      .filter((id) => id !== state.master)
      .indexOf(state.self.member);
    if (rank < 0) return;
    this.campaignAt = Math.min(this.campaignAt, state.now + rank * state.timing.staggerMs);
    this.tick();
  }

  /** A last message of the master that died, still on its way: it must not pass for a sign of life. */
  isFromTheDead({ from, term }: Envelope): boolean {
    return this.diedLately && from === this.deadMaster && term <= this.deadTerm;
  }

  /** Later its machine may run again, and its vote may be needed. */
  private get diedLately(): boolean {
    const { state } = this;
    return state.masterDied && state.now <= this.masterDiedAt + state.timing.electionMinMs;
  }

  /** Would a vote now break the promise that the master's lease rests on? */
  protected promised(): boolean {
    const { state } = this;
    if (state.role === 'master') return true;
    return !state.masterDied && state.now < state.masterHeardAt + state.timing.electionMinMs;
  }

  /** A candidacy, its own or one that it voted for, has not had its time yet. */
  private get supporting(): boolean {
    return (this.phase === 'standing' || this.backing) && (this.saving || this.state.now < this.campaignAt);
  }

  /** Rule 2: a log is at least as good if its last term is higher, or equal with at least the same length. */
  protected isUpToDate(lastTerm: number, lastIndex: number): boolean {
    const { log } = this.state;
    return lastTerm > log.lastTerm || (lastTerm === log.lastTerm && lastIndex >= log.last);
  }

  protected campaign(): void {
    if (this.promised()) {
      this.campaignAt = this.state.masterHeardAt + this.patienceMs;
      return;
    }
    this.ask();
  }

  private ask(): void {
    const { state } = this;
    this.begin('asking');
    this.campaignAt = this.retryAt();
    state.role = 'candidate';
    state.master = null;
    for (const id of this.others()) {
      state.send(id, { type: 'pre-vote', term: state.term, lastIndex: state.log.last, lastTerm: state.log.lastTerm });
    }
    this.count(state.self.member, true);
  }

  /** Enters a term of its own. The vote for itself counts, and the requests leave, when both are durable (rule 1). */
  protected stand(transfer: boolean): void {
    const { state } = this;
    this.begin('standing');
    this.saving = true;
    this.stoodAt = state.now;
    state.role = 'candidate';
    state.master = null;
    state.setHardState(state.term + 1, state.self.member);
    if (transfer) this.orderedTerm = state.term;
    for (const id of this.others()) {
      const { last: lastIndex, lastTerm } = state.log;
      state.sendDurably(id, { type: 'vote', term: state.term, lastIndex, lastTerm, transfer });
    }
  }

  /**
   * A persist is durable: perhaps a vote, for itself or another. Only now others hear of it: they have as long as a master would
   * have to speak, and longer each time that it was not enough; else slow disks would never see a winner.
   */
  persisted(): void {
    const { state } = this;
    if (!this.saving || !state.durability.hardStateDurable) return;
    this.saving = false;
    if (this.phase === 'standing') {
      const ownDiskMs = state.now - this.stoodAt;
      this.campaignAt = state.now + 2 * ownDiskMs + this.patienceMs * 2 ** Math.min(this.unanswered++, MOST_DOUBLINGS);
      this.count(state.self.member, true);
    } else if (this.backing) {
      this.campaignAt = Math.max(this.campaignAt, state.now + this.patienceMs);
    }
  }

  onPreVote(message: PreVote): void {
    const { state } = this;
    const upToDate = this.isUpToDate(message.lastTerm, message.lastIndex);
    const free = !this.promised();
    const granted = message.term >= state.term && free && upToDate && !this.supporting;
    state.send(message.from, { type: 'pre-vote-reply', term: state.term, asked: message.term, granted });
    // The asker cannot win against this log: stand instead of it, without waiting any longer.
    if (free && !upToDate && this.phase === 'idle') this.campaignAt = Math.min(this.campaignAt, state.now);
  }

  onPreVoteReply(message: PreVoteReply): void {
    const { state } = this;
    if (message.term > state.term && !message.granted) this.roles.becomeSlave(message.term, null);
    else if (this.phase === 'asking' && message.asked === state.term) this.count(message.from, message.granted);
  }

  onVote(message: Vote): void {
    const { state } = this;
    if (message.term < state.term) {
      state.sendDurably(message.from, { type: 'vote-reply', term: state.term, granted: false });
      return;
    }
    if (this.promised() && !message.transfer) return;
    if (message.term > state.term) this.roles.becomeSlave(message.term, null);
    if (message.transfer) this.orderedTerm = message.term;
    const free = (state.vote === null && state.master === null) || state.vote === message.from;
    const granted = free && this.isUpToDate(message.lastTerm, message.lastIndex);
    if (granted && state.vote === null) {
      state.setHardState(state.term, message.from);
      this.campaignAt = state.now + this.patienceMs;
      this.saving = true;
      this.backing = true;
    }
    state.sendDurably(message.from, { type: 'vote-reply', term: state.term, granted });
  }

  onVoteReply(message: VoteReply): void {
    if (this.phase === 'standing' && message.term === this.state.term) this.count(message.from, message.granted);
  }

  /** The master hands over: no need to ask first, and voters know that its lease is over. */
  onTimeoutNow(message: TimeoutNow): void {
    const { state } = this;
    if (message.term === state.term && message.from === state.master && state.isVoter) this.stand(true);
  }

  private begin(phase: 'asking' | 'standing'): void {
    this.phase = phase;
    this.backing = false;
    this.answers.clear();
    // No answer will come from the dead: a tie among the others is seen at once, not after a timeout.
    const { deadMaster } = this;
    if (this.diedLately && deadMaster !== null && this.state.membership.counted().includes(deadMaster)) {
      this.answers.set(deadMaster, false);
    }
  }

  private retryAt(): number {
    const { retryMinMs, retryMaxMs } = this.state.timing;
    return this.state.now + this.state.draw(retryMinMs, retryMaxMs);
  }

  private count(member: MemberId, granted: boolean): void {
    const counted = this.state.membership.counted();
    if (!counted.includes(member)) return; // a learner answers, but does not count (rule 8)
    this.answers.set(member, granted);
    const needed = majority(counted.length);
    let yes = 0;
    for (const answer of this.answers.values()) if (answer) yes++;
    if (yes >= needed) {
      if (this.phase === 'asking') this.stand(false);
      else this.roles.becomeMaster();
    } else if (this.answers.size - yes > counted.length - needed) {
      this.phase = 'idle';
      this.campaignAt = this.retryAt();
    }
  }

  private others(): MemberId[] {
    return this.state.membership.counted().filter((id) => id !== this.state.self.member);
  }

  private drawPatience(): number {
    return this.state.draw(this.state.timing.electionMinMs, this.state.timing.electionMaxMs);
  }
}

/** Bounds how long a candidate waits for answers: 8 times its patience, some seconds. */
const MOST_DOUBLINGS = 3;
