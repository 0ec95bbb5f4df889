import type { Core } from '../src/cluster/consensus/core.ts';
import type { Effect } from '../src/cluster/consensus/effects.ts';
import type { Entry } from '../src/cluster/consensus/entry.ts';
import type { MemberId } from '../src/cluster/consensus/identity.ts';
import { isVoter, type Membership } from '../src/cluster/consensus/membership.ts';
import type { Message } from '../src/cluster/consensus/messages.ts';
import { majority } from '../src/cluster/consensus/quorum.ts';
import type { Disk } from './disk.ts';
import { decodeProposal, type Tables } from './state-machine.ts';

/** A property of the cluster does not hold. `check` names it. */
export class Violation extends Error {
  readonly code = 'SIM_VIOLATION';
  readonly check: string;
  constructor(check: string, what: string) {
    super(`${check}: ${what}`);
    this.name = 'Violation';
    this.check = check;
  }
}

/** What the checker sees of a running member. */
export interface Observed {
  readonly member: MemberId;
  /** Tells apart processes, even of one identity. */
  readonly label: string;
  readonly core: Core;
  readonly disk: Disk;
  readonly tables: Tables;
  /** The member's own clock, now. */
  readonly clock: () => number;
}

/** Knows everything that ever happened in one simulated cluster, and what must be true of it. */
export class Checker {
  /** The one history: ledger[i] is the committed entry of index i + 1. */
  readonly ledger: Entry[] = [];
  /** The term in which each of them was committed. */
  private readonly commitTerms: number[] = [];
  /** hashes[i] is the state hash after index i + 1. */
  private readonly hashes: number[] = [];
  /** The membership in force when that index was committed. */
  private readonly memberships: string[] = [];
  private readonly masters = new Map<number, string>();
  private readonly votes = new Map<string, Set<MemberId>>();
  /** Proposals that were answered `committed`, and at which index. */
  private readonly acknowledged = new Map<number, number>();
  /** Proposals that were answered as never entered. */
  private readonly refused = new Set<number>();
  /** Where each proposal was committed. */
  private readonly committedAt = new Map<number, number>();
  private lastAcknowledged = 0;
  private readonly disksOf: (member: MemberId) => readonly Disk[];

  /** @param disksOf the disk of a member, and its copies; none if it was wiped: it never speaks again under that name. */
  constructor(disksOf: (member: MemberId) => readonly Disk[]) {
    this.disksOf = disksOf;
  }

  get acknowledgedCount(): number {
    return this.acknowledged.size;
  }

  fail(check: string, what: string): never {
    throw new Violation(check, what);
  }

  /** Called after every step of every member. */
  stepped(seen: Observed, effects: readonly Effect[], before: { commit: number; applied: number }): void {
    if (seen.core.commitIndex > before.commit) this.committed(seen, before.commit);
    let applied = before.applied;
    for (const effect of effects) {
      if (effect.type === 'apply') {
        for (const entry of effect.entries) {
          applied++;
          if (entry.index !== applied)
            this.fail('exactly-once', `${seen.label} applies ${entry.index}, expected ${applied}`);
        }
      } else if (effect.type === 'send') this.sent(seen, effect.message);
      else if (effect.type === 'role' && effect.role === 'master') this.elected(seen, effect.term);
      else if (effect.type === 'membership' && seen.core.role === 'master') this.reconfigured(seen);
      else if (effect.type === 'restore') applied = Math.max(applied, effect.meta.index);
    }
    if (seen.core.commitIndex > before.commit) this.sameMembership(seen);
  }

  /** At an equal index everyone has the same membership. */
  private sameMembership(seen: Observed): void {
    const { membership, index } = seen.core.membership;
    const { commitIndex } = seen.core;
    if (index > commitIndex || commitIndex === 0) return;
    const key = `${membership.voters} ${membership.learners}`;
    const known = this.memberships[commitIndex - 1];
    if (known === undefined) this.memberships[commitIndex - 1] = key;
    else if (known !== key) this.fail('membership', `${seen.label} has ${key} at ${commitIndex}, others have ${known}`);
  }

  /** The tables of a member after it applied `entry` or restored a snapshot. */
  applied(seen: Observed): void {
    const { index, hash } = seen.tables;
    if (index === 0) return;
    const known = this.hashes[index - 1];
    if (known === undefined) this.hashes[index - 1] = hash;
    else if (known !== hash) this.fail('state-hash', `${seen.label} differs at index ${index}`);
  }

  replied(id: number, reply: Effect & { type: 'reply' }): void {
    if (reply.outcome === 'committed') {
      const entry = this.ledger[reply.index - 1];
      if (entry === undefined || entry.kind !== 'batch' || decodeProposal(entry.data) !== id) {
        this.fail('acknowledged', `proposal ${id} was acknowledged at ${reply.index}, where something else is`);
      }
      this.acknowledged.set(id, reply.index);
      this.lastAcknowledged = Math.max(this.lastAcknowledged, reply.index);
    } else if (reply.outcome !== 'uncertain') {
      this.refused.add(id);
      if (this.committedAt.has(id)) this.fail('refused', `proposal ${id} was refused, but is committed`);
    }
  }

  /** At one instant at most one member may answer, and it must know everything that was ever acknowledged. */
  answering(members: Iterable<Observed>): void {
    let answers: Observed | null = null;
    for (const seen of members) {
      if (seen.core.role !== 'master' || !seen.core.mayAnswer(seen.clock())) continue;
      if (answers !== null) this.fail('lease', `${answers.label} and ${seen.label} may both answer`);
      answers = seen;
      if (seen.tables.index < this.lastAcknowledged) {
        this.fail(
          'lease',
          `${seen.label} may answer at index ${seen.tables.index}, but ${this.lastAcknowledged} is acknowledged`,
        );
      }
    }
  }

  /** At the end: everything acknowledged is in everyone's history. */
  finished(members: readonly Observed[]): void {
    for (const seen of members) {
      for (let index = seen.core.log.base.index + 1; index <= seen.core.commitIndex; index++)
        this.matchesLedger(seen, index);
      if (seen.core.commitIndex < this.lastAcknowledged) {
        this.fail('acknowledged', `${seen.label} ends at ${seen.core.commitIndex} before ${this.lastAcknowledged}`);
      }
    }
    for (const [id, index] of this.acknowledged) {
      if (this.committedAt.get(id) !== index) this.fail('acknowledged', `proposal ${id} is gone from index ${index}`);
    }
  }

  private committed(seen: Observed, from: number): void {
    const { core } = seen;
    const { base } = core.log;
    if (core.role === 'master' && core.log.termAt(core.commitIndex) !== core.term) {
      this.fail('own-term', `${seen.label} commits up to ${core.commitIndex}, an entry of another term, by counting`);
    }
    for (let index = Math.max(from, base.index) + 1; index <= core.commitIndex; index++) {
      if (index <= this.ledger.length) {
        this.matchesLedger(seen, index);
        continue;
      }
      const entry = core.log.entry(index);
      this.onQuorumOfDisks(seen, entry);
      this.ledger.push(entry);
      this.commitTerms.push(core.term);
      if (entry.kind !== 'batch') continue;
      const id = decodeProposal(entry.data);
      if (this.committedAt.has(id)) this.fail('exactly-once', `proposal ${id} is committed twice`);
      if (this.refused.has(id)) this.fail('refused', `proposal ${id} was refused, but is committed`);
      this.committedAt.set(id, index);
    }
    if (base.index > this.ledger.length) this.fail('one-history', `${seen.label} has a snapshot beyond the history`);
  }

  private matchesLedger(seen: Observed, index: number): void {
    const mine = seen.core.log.entry(index);
    const known = this.ledger[index - 1];
    const same =
      mine.term === known.term && mine.kind === known.kind && mine.data.every((byte, i) => byte === known.data[i]);
    if (!same)
      this.fail('one-history', `${seen.label} commits another entry at ${index} (terms ${mine.term}, ${known.term})`);
  }

  /** Whatever is committed is on the disks of a majority of voters, whatever the members believe. */
  private onQuorumOfDisks(seen: Observed, entry: Entry): void {
    const { voters } = seen.core.membership.membership;
    let holders = 0;
    for (const id of voters) {
      const disks = this.disksOf(id);
      const holds = (disk: Disk) => disk.base.index >= entry.index || disk.termAt(entry.index) === entry.term;
      if (disks.length === 0 || disks.some(holds)) holders++;
    }
    if (holders < majority(voters.length)) {
      this.fail(
        'durable-quorum',
        `${seen.label} commits ${entry.index}, on ${holders} of ${voters.length} voters' disks`,
      );
    }
  }

  private sent(seen: Observed, message: Message): void {
    const { disk, core } = seen;
    if (message.type === 'vote-reply' && message.granted) {
      const { term, vote } = disk.hardState;
      if (term < message.term || (term === message.term && vote !== message.to)) {
        this.fail(
          'vote-durable',
          `${seen.label} votes for ${message.to} in ${message.term}, the disk says ${vote} in ${term}`,
        );
      }
      this.voted(message.term, message.to, seen.member);
    } else if (message.type === 'append-ack' && message.match > 0) {
      const stored = disk.termAt(message.match);
      const expected = core.log.termAt(message.match);
      if (disk.base.index < message.match && (stored === null || (expected !== null && stored !== expected))) {
        this.fail('ack-durable', `${seen.label} acknowledges ${message.match}, which is not on its disk`);
      }
    } else if (message.type === 'vote') this.voted(message.term, seen.member, seen.member);
  }

  private voted(term: number, candidate: MemberId, voter: MemberId): void {
    const key = `${term}/${candidate}`;
    const voters = this.votes.get(key);
    if (voters === undefined) this.votes.set(key, new Set([voter]));
    else voters.add(voter);
  }

  private elected(seen: Observed, term: number): void {
    const other = this.masters.get(term);
    if (other !== undefined && other !== seen.label)
      this.fail('one-master', `${other} and ${seen.label} in term ${term}`);
    this.masters.set(term, seen.label);
    const { membership } = seen.core.membership;
    const voters = this.votes.get(`${term}/${seen.member}`) ?? new Set([seen.member]);
    const counted = [...voters].filter((id) => isVoter(membership, id)).length;
    if (counted < majority(membership.voters.length)) {
      this.fail(
        'election-quorum',
        `${seen.label} is master of ${term} by ${counted} of ${membership.voters.length} voters`,
      );
    }
    // What later masters committed, a master of this term need not know.
    let last = this.ledger.length;
    while (last > 0 && this.commitTerms[last - 1] >= term) last--;
    if (last === 0 || seen.core.log.base.index >= last) return;
    if (seen.core.log.termAt(last) !== this.ledger[last - 1].term) {
      this.fail('completeness', `${seen.label}, master of ${term}, lacks the committed entry ${last}`);
    }
  }

  private reconfigured(seen: Observed): void {
    const { core } = seen;
    // The first entry of all writes down the genesis and changes nothing.
    if (core.membership.index > 1 && core.log.termAt(core.commitIndex) !== core.term) {
      this.fail('own-term', `${seen.label} changes the membership before it committed anything in term ${core.term}`);
    }
    let pending = 0;
    let previous: Membership = this.membershipBefore(core);
    for (let index = Math.max(core.commitIndex, core.log.base.index) + 1; index <= core.lastIndex; index++) {
      const { membership } = core.log.entry(index);
      if (membership === null) continue;
      pending++;
      const changed =
        membership.voters.filter((id) => !isVoter(previous, id)).length +
        previous.voters.filter((id) => !isVoter(membership, id)).length;
      if (changed > 1) this.fail('one-change', `${seen.label} changes ${changed} voters at once at ${index}`);
      previous = membership;
    }
    if (pending > 1) this.fail('one-change', `${seen.label} has ${pending} membership changes pending`);
  }

  private membershipBefore(core: Core): Membership {
    for (let index = Math.min(core.commitIndex, core.lastIndex); index > core.log.base.index; index--) {
      const { membership } = core.log.entry(index);
      if (membership !== null) return membership;
    }
    return core.log.base.membership;
  }
}
