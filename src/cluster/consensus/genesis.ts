import type { ClusterId, MemberId } from './identity.ts';
import { type Membership, membershipOf } from './membership.ts';

/** What a cluster begins with. Everyone in `members` has endorsed it, on disk, before it is formed. */
export interface GenesisRecord {
  readonly cluster: ClusterId;
  readonly proposer: MemberId;
  /** Rises with every record of one proposer. */
  readonly attempt: number;
  /** Sorted; as many as were expected. */
  readonly members: readonly MemberId[];
}

/**
 * What the founders start their cores with (`emptyDisk`). An even number of voters is no safer than one less, so the last
 * founder of an even number begins as a learner: of two, one votes and the other only follows.
 */
export function genesisMembership({ members }: GenesisRecord): Membership {
  const voters = members.length - 1 + (members.length % 2);
  return membershipOf(members.slice(0, voters), members.slice(voters));
}

/** What must survive a crash. A new identity begins with `NO_GENESIS`. */
export interface GenesisStored {
  /** The last attempt that this member proposed. */
  readonly attempt: number;
  /** The one record that this member stands by. */
  readonly endorsed: GenesisRecord | null;
  /** `endorsed` became a cluster. Never goes back. */
  readonly formed: boolean;
}

export const NO_GENESIS: GenesisStored = { attempt: 0, endorsed: null, formed: false };

/**
 * | message   | from -> to             | purpose                                              |
 * |-----------|------------------------|------------------------------------------------------|
 * | `propose` | proposer -> members    | endorse this record                                  |
 * | `endorse` | member -> proposer     | I stand by it, and on my disk by no other            |
 * | `decline` | member -> proposer     | I stand by another one                               |
 * | `release` | proposer -> member     | that record is dead and will never be formed         |
 * | `formed`  | formed member -> asker | the record is a cluster                              |
 */
export type GenesisMessage = { readonly from: MemberId; readonly to: MemberId; readonly record: GenesisRecord } & {
  readonly type: 'propose' | 'endorse' | 'decline' | 'release' | 'formed';
};

export type GenesisEvent =
  | { readonly type: 'tick' }
  | { readonly type: 'message'; readonly message: GenesisMessage }
  | { readonly type: 'persisted' }
  /** Discovery sees an instance of this cluster name that belongs to no cluster yet. */
  | { readonly type: 'unformed'; readonly member: MemberId }
  /** Discovery sees a member of a formed cluster of this name. */
  | { readonly type: 'cluster'; readonly cluster: ClusterId };

export type GenesisEffect =
  | { readonly type: 'send'; readonly message: GenesisMessage }
  /** At most one under way; answer with `persisted`. */
  | { readonly type: 'persist'; readonly stored: GenesisStored }
  /** Start the core with this membership. Go on handing genesis messages in: others may still have to learn of it. */
  | { readonly type: 'formed'; readonly record: GenesisRecord }
  /** Start the core without a membership: there is a cluster to join. */
  | { readonly type: 'join'; readonly cluster: ClusterId }
  /** The proposer of the endorsed record is gone. Wipe the disk and begin again under a new identity. */
  | { readonly type: 'renew' };

export interface GenesisOptions {
  readonly self: MemberId;
  readonly stored: GenesisStored;
  /** How many instances found the cluster. */
  readonly expect: number;
  /** Monotonic, ms. */
  readonly now: number;
  /** A fresh uuid, one for every attempt. */
  readonly newCluster: () => ClusterId;
}

/** Listening for a formed cluster comes first. */
const LISTEN_MS = 300;
/** An instance not seen for this long is not in sight any more. */
const SIGHT_MS = 1_000;
const ASK_MS = 100;
/** A proposer drops a record that is not endorsed by all in this time. */
const ATTEMPT_MS = 2_000;
/** An endorser gives up a proposer that is silent for this long. */
const GIVE_UP_MS = 15_000;
/** More unformed instances than any genesis needs; further ones are not noted. */
const MOST_SIGHTED = 64;

/**
 * The beginning of a cluster, without I/O: N instances with empty disks endorse one record.
 *
 * The lowest id in sight proposes. A member endorses one record at a time, on disk before it says so. Only the proposer
 * forms the cluster, and only when all N have endorsed; only the proposer may declare the record dead, on disk before
 * it says so, and then never forms it. Hence two records cannot both succeed among fewer than 2 N instances.
 *
 * An endorser whose proposer is gone for good would wait for ever. It takes a new identity instead: the old one, which the
 * record names, never speaks again. A cluster that most of its members left in this way never commits anything.
 */
export class Genesis {
  private readonly options: GenesisOptions;
  private stored: GenesisStored;
  private now: number;
  private readonly startedAt: number;
  private readonly sightedAt = new Map<MemberId, number>();
  /** Who endorsed the record that this member proposes, in this run. */
  private readonly endorsers = new Set<MemberId>();
  private attemptEndsAt = 0;
  private askAt: number;
  private proposerHeardAt: number;
  /** What follows when the persist under way is durable; meanwhile nothing else is taken in: everyone asks again. */
  private afterPersist: (() => void) | null = null;
  private over = false;
  private effects: GenesisEffect[] = [];

  constructor(options: GenesisOptions) {
    this.options = options;
    this.stored = options.stored;
    this.now = options.now;
    this.startedAt = options.now;
    this.askAt = options.now;
    this.proposerHeardAt = options.now;
    this.attemptEndsAt = options.now + ATTEMPT_MS;
    if (this.proposes) this.endorsers.add(options.self);
  }

  step(event: GenesisEvent, now: number): GenesisEffect[] {
    this.now = Math.max(this.now, now);
    if (event.type === 'persisted') {
      const then = this.afterPersist;
      this.afterPersist = null;
      then?.();
    } else if (this.afterPersist === null) this.take(event);
    const { effects } = this;
    this.effects = [];
    return effects;
  }

  private take(event: Exclude<GenesisEvent, { type: 'persisted' }>): void {
    if (event.type === 'message') this.receive(event.message);
    else if (this.over || this.stored.formed) return;
    else if (event.type === 'tick') this.tick();
    else if (event.type === 'cluster') this.clusterSighted(event.cluster);
    else if (this.sightedAt.size < MOST_SIGHTED || this.sightedAt.has(event.member)) {
      this.sightedAt.set(event.member, this.now);
    }
  }

  private get proposes(): boolean {
    return this.stored.endorsed?.proposer === this.options.self;
  }

  private tick(): void {
    const { endorsed } = this.stored;
    if (endorsed === null) this.propose();
    else if (this.proposes) this.collect(endorsed);
    else if (this.now > this.proposerHeardAt + GIVE_UP_MS) {
      this.over = true;
      this.effects.push({ type: 'renew' });
    } else if (this.now >= this.askAt) {
      // Perhaps it was formed, or dropped, and the news got lost.
      this.askAt = this.now + ASK_MS;
      this.send('endorse', endorsed.proposer, endorsed);
    }
  }

  private propose(): void {
    const { self, expect, newCluster } = this.options;
    for (const [id, at] of this.sightedAt) if (this.now > at + SIGHT_MS) this.sightedAt.delete(id);
    const inSight = [self, ...this.sightedAt.keys()].sort();
    if (this.now < this.startedAt + LISTEN_MS || inSight.length < expect || inSight[0] !== self) return;
    const attempt = this.stored.attempt + 1;
    const record = { cluster: newCluster(), proposer: self, attempt, members: inSight.slice(0, expect) };
    this.persist({ attempt, endorsed: record, formed: false }, () => {
      this.endorsers.clear();
      this.endorsers.add(self);
      this.attemptEndsAt = this.now + ATTEMPT_MS;
      this.askAt = this.now;
      this.collect(record);
    });
  }

  private collect(record: GenesisRecord): void {
    if (record.members.every((id) => this.endorsers.has(id))) this.form(record);
    else if (this.now > this.attemptEndsAt) this.drop(record);
    else if (this.now >= this.askAt) {
      this.askAt = this.now + ASK_MS;
      for (const id of record.members) if (!this.endorsers.has(id)) this.send('propose', id, record);
    }
  }

  private form(record: GenesisRecord): void {
    this.persist({ ...this.stored, formed: true }, () => {
      for (const id of record.members) if (id !== this.options.self) this.send('formed', id, record);
      this.effects.push({ type: 'formed', record });
    });
  }

  /** Declares the own record dead: on disk first, so that no later run of this member forms it. */
  private drop(record: GenesisRecord): void {
    this.persist({ ...this.stored, endorsed: null }, () => {
      for (const id of record.members) if (id !== this.options.self) this.send('release', id, record);
    });
  }

  private clusterSighted(cluster: ClusterId): void {
    const { endorsed } = this.stored;
    if (endorsed?.cluster === cluster) this.form(endorsed);
    else if (endorsed === null) {
      this.over = true;
      this.effects.push({ type: 'join', cluster });
    } else if (this.proposes) this.drop(endorsed);
  }

  private receive({ type, from, to, record }: GenesisMessage): void {
    const { self } = this.options;
    const { endorsed, formed } = this.stored;
    if (to !== self) return;
    const same = endorsed !== null && endorsed.proposer === record.proposer && endorsed.attempt === record.attempt;
    if (formed || this.over) {
      if (formed && same && type !== 'formed') this.send('formed', from, record);
      return;
    }
    if (from === endorsed?.proposer) this.proposerHeardAt = this.now;
    switch (type) {
      case 'propose': {
        const newer = endorsed === null || (endorsed.proposer === record.proposer && endorsed.attempt < record.attempt);
        if (from !== record.proposer || !record.members.includes(self)) return;
        if (same) this.send('endorse', from, record);
        else if (!newer) this.send('decline', from, record);
        else {
          this.persist({ ...this.stored, endorsed: record }, () => {
            this.proposerHeardAt = this.now;
            this.send('endorse', from, record);
          });
        }
        return;
      }
      case 'endorse':
        if (record.proposer !== self) return;
        if (same) this.endorsers.add(from);
        else this.send('release', from, record);
        return;
      case 'decline':
        if (same && this.proposes) this.drop(record);
        return;
      case 'release':
        if (endorsed !== null && from === endorsed.proposer && endorsed.attempt <= record.attempt) {
          this.persist({ ...this.stored, endorsed: null }, () => {});
        }
        return;
      case 'formed':
        if (same) this.form(record);
        return;
    }
  }

  private persist(stored: GenesisStored, then: () => void): void {
    this.stored = stored;
    this.afterPersist = then;
    this.effects.push({ type: 'persist', stored });
  }

  private send(type: GenesisMessage['type'], to: MemberId, record: GenesisRecord): void {
    this.effects.push({ type: 'send', message: { type, from: this.options.self, to, record } });
  }
}
