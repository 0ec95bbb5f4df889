import { type Entry, entryBytes } from './entry.ts';
import type { MemberId } from './identity.ts';
import { invariant } from './invariant.ts';
import type { AppendAck, AppendReject } from './messages.ts';
import { freeInflight, newProgress, type Progress, toProbe, toReplicate } from './progress.ts';
import { reachedByMajority } from './quorum.ts';
import type { SnapshotSender } from './snapshot-sender.ts';
import type { State } from './state.ts';

/**
 * The sending end of replication (Raft §5.3), at the master. Entries go out as soon as they are in the log, without
 * waiting for the master's own disk; that disk is one voter among the others and counts when it is done.
 */
export class Replication {
  protected readonly state: State;
  private readonly snapshots: SnapshotSender;
  /** One for every other member of the membership in force; empty unless this member is the master. */
  readonly progress = new Map<MemberId, Progress>();
  private heartbeatAt = 0;
  private startedAt = 0;

  constructor(state: State, snapshots: SnapshotSender) {
    this.state = state;
    this.snapshots = snapshots;
  }

  /** This member became master; its log still ends with what it had as a slave. */
  start(): void {
    this.startedAt = this.state.now;
    this.heartbeatAt = this.state.now + this.state.timing.heartbeatMs;
    this.progress.clear();
    this.membershipChanged();
  }

  stop(): void {
    this.progress.clear();
  }

  /** Someone came or went. Newcomers are probed at the end of the log. */
  membershipChanged(): void {
    const { voters, learners } = this.state.membership.current;
    const wanted = [...voters, ...learners].filter((id) => id !== this.state.self.member);
    for (const id of this.progress.keys()) if (!wanted.includes(id)) this.progress.delete(id);
    for (const id of wanted) {
      if (!this.progress.has(id)) this.progress.set(id, newProgress(id, this.state.log.last + 1, this.state.now));
    }
  }

  get wakeAt(): number {
    return this.heartbeatAt;
  }

  tick(): void {
    if (this.state.now < this.heartbeatAt) return;
    this.heartbeatAt = this.state.now + this.state.timing.heartbeatMs;
    for (const progress of this.progress.values()) this.heartbeat(progress);
  }

  /** Sends every member what it lacks, as far as the bounds allow. */
  sendEntries(): void {
    for (const progress of this.progress.values()) this.sendTo(progress);
  }

  onAck(progress: Progress, message: AppendAck): void {
    invariant(message.match <= this.state.log.last, `${message.from} acknowledges ${message.match}, never sent`);
    progress.match = Math.max(progress.match, message.match);
    progress.next = Math.max(progress.next, progress.match + 1);
    freeInflight(progress, progress.match);
    if (progress.state === 'probe') toReplicate(progress);
    else if (progress.state === 'snapshot' && progress.match >= this.state.log.base.index) toReplicate(progress);
    this.sendTo(progress);
  }

  onReject(progress: Progress, message: AppendReject): void {
    const { prevIndex, hintIndex, hintTerm } = message;
    // An answer to a message that later ones have overtaken says nothing any more.
    if (progress.state === 'snapshot' || prevIndex <= progress.match) return;
    if (progress.state === 'probe' && prevIndex !== progress.next - 1) return;
    toProbe(progress, this.state.log.agreeingBefore(Math.min(hintIndex, prevIndex - 1), hintTerm) + 1);
    this.sendTo(progress);
  }

  /** Anything of this term from a member: it is alive and takes this member for its master. null: it is no member. */
  heard(member: MemberId): Progress | null {
    const progress = this.progress.get(member) ?? null;
    if (progress !== null) progress.heardAt = this.state.now;
    return progress;
  }

  /** The last entry that all members have that listen; they get the rest from the log. */
  neededFrom(): number {
    const { now, timing } = this.state;
    let needed = Number.POSITIVE_INFINITY;
    for (const { state, match, heardAt } of this.progress.values()) {
      if (state !== 'snapshot' && now <= heardAt + timing.electionMaxMs) needed = Math.min(needed, match);
    }
    return needed;
  }

  /** Commits what a quorum of disks has, own disk included. @returns whether anything was. */
  advanceCommit(): boolean {
    const { state } = this;
    const self = state.self.member;
    const reached = reachedByMajority(
      state.membership.counted().map((id) => (id === self ? this.ownMatch() : (this.progress.get(id)?.match ?? 0))),
    );
    if (reached <= state.commit || !this.countsForCommit(reached)) return false;
    state.commit = reached;
    return true;
  }

  /** Check-quorum (rule 9): true when the master has not heard from a quorum for so long that another may be elected. */
  quorumLost(): boolean {
    const { state } = this;
    const heard = reachedByMajority(
      state.membership
        .counted()
        .map((id) => (id === state.self.member ? state.now : (this.progress.get(id)?.heardAt ?? this.startedAt))),
    );
    return state.now > heard + state.timing.electionMaxMs;
  }

  /** Rule 3: entries of earlier terms are committed only together with one of the master's own (Raft §5.4.2). */
  protected countsForCommit(index: number): boolean {
    return this.state.log.termAt(index) === this.state.term;
  }

  /** Rule 1, for the master: its own disk counts when it is done, not before. */
  protected ownMatch(): number {
    return this.state.log.durable;
  }

  private heartbeat(progress: Progress): void {
    if (progress.state === 'snapshot') {
      this.snapshots.tick(progress);
      // Where the logs meet is unknown or trimmed; index 0 always matches.
      this.append(progress.member, 0, []);
      return;
    }
    if (progress.next <= this.state.log.base.index) {
      this.snapshots.begin(progress);
      return;
    }
    // The optimistic `next` is checked too: a member that lost something on the way says so.
    this.append(progress.member, progress.next - 1, []);
  }

  private sendTo(progress: Progress): void {
    const { log, limits } = this.state;
    if (progress.state === 'snapshot') return;
    if (progress.next <= log.base.index) {
      this.snapshots.begin(progress);
      return;
    }
    if (progress.state === 'probe') {
      if (progress.probed) return;
      progress.probed = true;
      this.append(progress.member, progress.next - 1, log.slice(progress.next, log.last, limits.messageBytes));
      return;
    }
    while (
      progress.next <= log.last &&
      progress.inflight.length < limits.inflightMessages &&
      progress.inflightBytes < limits.inflightBytes
    ) {
      const entries = log.slice(progress.next, log.last, limits.messageBytes);
      this.append(progress.member, progress.next - 1, entries);
      progress.next += entries.length;
      const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
      progress.inflight.push({ last: progress.next - 1, bytes });
      progress.inflightBytes += bytes;
    }
  }

  private append(to: MemberId, prevIndex: number, entries: readonly Entry[]): void {
    const { log, term, commit, now } = this.state;
    const prevTerm = prevIndex === 0 ? 0 : log.termAt(prevIndex);
    invariant(prevTerm !== null, `entry ${prevIndex} was trimmed before ${to} had it`);
    this.state.sendDurably(to, { type: 'append', term, prevIndex, prevTerm, entries, commit, stamp: now });
  }
}
