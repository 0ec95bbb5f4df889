import type { ClusterStatus, MemberId, MemberStatus } from '../cluster/replicated-log.ts';
import { MAX_TIMELINE, type TimelineEvent, type TimelineKind } from './event-schemas.ts';

/**
 * What happened to the cluster since this instance started, as this instance saw it: every status is compared with the one
 * before. Bounded, and in memory only: another instance, or this one started again, tells its own.
 */
export class ClusterHistory {
  /** Newest first, at most MAX_TIMELINE. */
  readonly timeline: TimelineEvent[] = [];
  /** Members of the last status, with what was last known of each. */
  #known = new Map<MemberId, Known>();
  #status: ClusterStatus;
  #at: number;
  #master: { readonly id: MemberId; readonly since: number } | undefined;
  /** The master before this moment's none; undefined while there is one, or there never was. */
  #lost: MemberId | undefined;
  /** Undefined while no voter is known. */
  #quorum: boolean | undefined;
  #nextId = 1;

  /** @param now Unix time, milliseconds, as everywhere here */
  constructor(status: ClusterStatus, now: number) {
    this.#status = status;
    this.#at = now;
    this.#quorum = hasQuorum(status);
    for (const member of status.members) this.#known.set(member.id, knownOf(member, undefined, now));
    if (status.master !== undefined) this.#master = { id: status.master, since: now };
    const master =
      status.master === undefined ? 'no master is known yet' : `${this.#name(status.master)} is the master`;
    this.#tell([], 'started', status.self, `${this.#name(status.self)} has started; ${master}`);
  }

  /** Since when this instance has known the master of now; null while there is none. */
  get masterSince(): number | null {
    return this.#master?.since ?? null;
  }

  /** @returns what is new, oldest first */
  update(status: ClusterStatus, now: number): readonly TimelineEvent[] {
    const before = this.#status;
    this.#status = status;
    this.#at = now;
    const news: TimelineEvent[] = [];
    this.#compareMembers(news, status, now);
    this.#compareQuorum(news, status);
    if (status.master !== before.master || (status.master !== undefined && status.term !== before.term)) {
      this.#compareMaster(news, status, now);
    }
    return news;
  }

  /** The status with the last known name, address and time of members that have been silent for so long that they are forgotten. */
  complete(status: ClusterStatus, now: number): ClusterStatus {
    return { ...status, members: status.members.map((member) => this.#completed(member, now)) };
  }

  #completed(member: MemberStatus, now: number): MemberStatus {
    const known = this.#known.get(member.id);
    if (member.alive || known === undefined || member.address !== '') return member;
    const { name, address, clientPort, heardAt } = known;
    const lastKeepaliveMs = heardAt === undefined ? member.lastKeepaliveMs : Math.max(0, now - heardAt);
    return { ...member, name, address, clientPort, lastKeepaliveMs };
  }

  #compareMembers(news: TimelineEvent[], status: ClusterStatus, now: number): void {
    const before = this.#known;
    this.#known = new Map(status.members.map((member) => [member.id, knownOf(member, before.get(member.id), now)]));
    const master = status.members.find(({ id }) => id === status.master);
    for (const [id, { name, voter, alive, left }] of this.#known) {
      const old = before.get(id);
      const called = name || shortId(id);
      if (old === undefined) {
        this.#tell(news, 'joined', id, `${called} has joined${voter ? '' : ' and is brought up to date'}`);
        continue;
      }
      if (voter && !old.voter) this.#tell(news, 'promoted', id, `${called} has caught up and votes now`);
      if (!voter && old.voter)
        this.#tell(news, 'demoted', id, `${called} votes no more, and still receives everything`);
      if (!alive && old.alive) {
        if (left) this.#tell(news, 'left', id, `${called} has stopped`);
        else this.#tell(news, 'died', id, `${called} is not heard any more`);
      }
      if (alive && !old.alive) this.#tell(news, 'returned', id, `${called} is heard again`);
    }
    for (const [id, { name }] of before) {
      if (!this.#known.has(id))
        this.#tell(news, 'removed', { id, name }, `${name || shortId(id)} was taken out of the cluster`);
    }
    if (master !== undefined) this.#compareStates(news, master, status.members);
  }

  /** Replicas at the same index are equal, or something is badly wrong. */
  #compareStates(news: TimelineEvent[], master: MemberStatus, members: readonly MemberStatus[]): void {
    for (const member of members) {
      const known = this.#known.get(member.id)!;
      if (member.appliedIndex !== master.appliedIndex || member.stateHash === '' || master.stateHash === '') continue;
      const diverged = member.stateHash !== master.stateHash;
      if (diverged && !known.diverged) {
        const text = `${known.name || shortId(member.id)} has another state than the master at log entry ${member.appliedIndex}: stop it and empty its data folder`;
        this.#tell(news, 'diverged', member.id, text);
      }
      known.diverged = diverged;
    }
  }

  #compareQuorum(news: TimelineEvent[], status: ClusterStatus): void {
    const quorum = hasQuorum(status);
    if (quorum === this.#quorum) return;
    const first = this.#quorum === undefined;
    this.#quorum = quorum;
    if (quorum === undefined || (first && quorum)) return;
    const voters = status.members.filter(({ voter }) => voter);
    const heard = `${voters.filter(({ alive }) => alive).length} of ${voters.length} voters are heard`;
    if (quorum) this.#tell(news, 'quorum', null, `${heard}: a master can be elected`);
    else this.#tell(news, 'no-quorum', null, `${heard}: too few to elect a master, nobody is answered`);
  }

  #compareMaster(news: TimelineEvent[], status: ClusterStatus, now: number): void {
    const last = this.#master?.id ?? this.#lost;
    if (status.master === undefined) {
      this.#master = undefined;
      this.#lost = last;
      // Without a quorum there is nothing to elect.
      if (last !== undefined && this.#quorum) {
        this.#tell(news, 'election', null, 'there is no master: the voters elect one');
      }
      return;
    }
    this.#master = { id: status.master, since: now };
    this.#lost = undefined;
    if (status.byOrder && last !== undefined && last !== status.master) {
      this.#tell(news, 'handed-over', last, `${this.#name(last)} has handed over to ${this.#name(status.master)}`);
    }
    this.#tell(news, 'master', status.master, `${this.#name(status.master)} is the master of term ${status.term}`);
  }

  #tell(news: TimelineEvent[], kind: TimelineKind, member: MemberId | TimelineEvent['member'], text: string): void {
    const who = typeof member === 'string' ? { id: member, name: this.#known.get(member)?.name ?? '' } : member;
    const event = { id: this.#nextId++, at: this.#at, kind, member: who, term: Number(this.#status.term), text };
    this.timeline.unshift(event);
    if (this.timeline.length > MAX_TIMELINE) this.timeline.pop();
    news.push(event);
  }

  #name(id: MemberId): string {
    return this.#known.get(id)?.name || shortId(id);
  }
}

interface Known {
  readonly name: string;
  readonly address: string;
  readonly clientPort: number;
  readonly voter: boolean;
  readonly alive: boolean;
  /** It said goodbye. */
  readonly left: boolean;
  /** Unix time of its last keepalive; undefined: it was never heard. */
  readonly heardAt: number | undefined;
  diverged: boolean;
}

function knownOf(member: MemberStatus, before: Known | undefined, now: number): Known {
  const { voter, alive } = member;
  const diverged = before?.diverged ?? false;
  const left = member.left ?? false;
  if (member.address === '' && before !== undefined) return { ...before, voter, alive, left, diverged };
  const { name, address, clientPort, lastKeepaliveMs } = member;
  const heardAt = address === '' ? undefined : now - lastKeepaliveMs;
  return { name, address, clientPort, voter, alive, left, heardAt, diverged };
}

function hasQuorum({ members }: ClusterStatus): boolean | undefined {
  const voters = members.filter(({ voter }) => voter);
  if (voters.length === 0) return undefined;
  return 2 * voters.filter(({ alive }) => alive).length > voters.length;
}

/** What stands for the name of a member that has not told it. */
function shortId(id: MemberId): string {
  return id.slice(0, 8);
}
