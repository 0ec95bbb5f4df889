import type { Concerns } from '../concerns.ts';
import type { Limits, Timing } from '../config.ts';
import { Core } from '../core.ts';
import { type Effect, emptyDisk, type Persist } from '../effects.ts';
import type { Entry } from '../entry.ts';
import type { Event } from '../events.ts';
import { type Membership, membershipOf, NO_MEMBERS } from '../membership.ts';
import type { Message } from '../messages.ts';

const TICK_MS = 10;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Member {
  id: string;
  core: Core | null;
  boot: number;
  disk: ReturnType<typeof emptyDisk>;
  writing: Persist | null;
  applied: string[];
  staged: number;
}

/**
 * A handful of cores under full control: time passes, messages arrive and disks write only when a command says so. Every
 * command prints what the cores did. Used by the transcripts beside this file and by the tests of single rules.
 */
export class Stage {
  private readonly members = new Map<string, Member>();
  private wire: Message[] = [];
  private now = 0;
  private lines: string[] = [];
  private quiet = false;
  private requests = 0;
  private readonly concerns: Partial<Concerns>;
  private readonly timing: Partial<Timing>;
  private limits: Partial<Limits>;

  constructor(concerns: Partial<Concerns> = {}, timing: Partial<Timing> = {}, limits: Partial<Limits> = {}) {
    this.concerns = concerns;
    this.timing = timing;
    this.limits = limits;
  }

  /** Runs one command and returns what it printed, one line an event. A trailing `quiet` prints nothing. */
  run(command: string): string[] {
    const words = command.trim().split(/\s+/);
    this.quiet = words.at(-1) === 'quiet';
    if (this.quiet) words.pop();
    this.lines = [];
    this.perform(words[0], words.slice(1));
    return this.lines;
  }

  /** Runs commands without looking at what they print. */
  play(...commands: string[]): this {
    for (const command of commands) this.run(command);
    return this;
  }

  core(id: string): Core {
    const { core } = this.member(id);
    if (core === null) throw new Error(`${id} is down`);
    return core;
  }

  /** What the state machine of a member has applied, entry by entry. */
  applied(id: string): readonly string[] {
    return this.member(id).applied;
  }

  disk(id: string): Member['disk'] {
    return this.member(id).disk;
  }

  mayAnswer(id: string): boolean {
    return this.core(id).mayAnswer(this.now);
  }

  /** Messages on the wire, for filters like `type=append to=b`. */
  messages(...filters: string[]): Message[] {
    return this.wire.filter(matching(filters));
  }

  /** Puts a message on the wire again, as a network that duplicates does. */
  inject(message: Message): void {
    this.wire.push(message);
  }

  private perform(name: string, words: string[]): void {
    switch (name) {
      case 'cluster': {
        const at = words.indexOf('learners');
        const voters = at < 0 ? words : words.slice(0, at);
        const learners = at < 0 ? [] : words.slice(at + 1);
        const membership = membershipOf(voters, learners);
        for (const id of [...voters, ...learners]) this.add(id, membership);
        return;
      }
      case 'limit':
        this.limits = { ...this.limits, [words[0]]: Number(words[1]) };
        return;
      case 'newcomer':
        for (const id of words) this.add(id, NO_MEMBERS);
        for (const id of words) this.step(id, { type: 'contacts', members: [...this.members.keys()] });
        return;
      case 'advance':
        for (let ms = 0; ms < Number(words[0]); ms += TICK_MS) {
          this.now += TICK_MS;
          for (const { id, core } of this.members.values()) if (core !== null) this.step(id, { type: 'tick' });
        }
        return;
      case 'sleep':
        // Time passes, but nobody notices yet: a process that stands still.
        this.now += Number(words[0]);
        return;
      case 'tick':
        for (const id of words) this.step(id, { type: 'tick' });
        return;
      case 'deliver': {
        const reversed = words.includes('reversed');
        const due = this.take(words.filter((word) => word !== 'reversed'));
        if (reversed) due.reverse();
        for (const message of due)
          if (this.members.get(message.to)?.core) this.step(message.to, { type: 'message', message });
        return;
      }
      case 'drop':
        this.take(words);
        return;
      case 'persist':
        for (const id of words) this.write(id);
        return;
      case 'settle':
        this.settle(words);
        return;
      case 'live':
        // Ordinary life: time passes, messages arrive, disks write.
        for (let ms = 0; ms < Number(words[0]); ms += TICK_MS) {
          this.perform('advance', [String(TICK_MS)]);
          this.settle(words.slice(1));
        }
        return;
      case 'propose':
        this.requests++;
        this.step(words[0], {
          type: 'proposed',
          requests: [{ requestId: this.requests, data: encoder.encode(words[1]) }],
        });
        return;
      case 'crash':
        for (const id of words) {
          this.member(id).core = null;
          this.member(id).writing = null;
        }
        return;
      case 'restart':
        for (const id of words) this.start(this.member(id));
        return;
      case 'wipe':
        this.member(words[0]).disk = emptyDisk(NO_MEMBERS);
        return;
      case 'died':
        this.step(words[0], { type: 'died', member: words[1], boot: this.member(words[1]).boot });
        return;
      case 'heard':
        this.step(words[0], {
          type: 'heard',
          member: words[1],
          // A keepalive of that run of the member.
          boot: Number(words[2]),
          nonce: 0,
        });
        return;
      case 'transfer':
        this.step(words[0], { type: 'transfer', to: words[1] ?? null });
        return;
      case 'remove':
        this.step(words[0], { type: 'remove', member: words[1] });
        return;
      case 'checkpoint': {
        const { core } = this.member(words[0]);
        this.step(words[0], { type: 'applied', index: core?.appliedIndex ?? 0 });
        return;
      }
      case 'state':
        for (const id of words.length > 0 ? words : this.members.keys()) this.print(this.describe(this.member(id)));
        return;
      default:
        throw new Error(`unknown command ${name}`);
    }
  }

  private settle(filters: string[]): void {
    for (let round = 0; round < 1_000; round++) {
      let moved = false;
      for (const { id, writing } of this.members.values()) {
        if (writing === null) continue;
        this.write(id);
        moved = true;
      }
      for (const message of this.take(filters)) {
        if (!this.members.get(message.to)?.core) continue;
        this.step(message.to, { type: 'message', message });
        moved = true;
      }
      if (!moved) return;
    }
    throw new Error('does not settle');
  }

  private add(id: string, membership: Membership): void {
    const member = { id, core: null, boot: 0, disk: emptyDisk(membership), writing: null, applied: [], staged: 0 };
    this.members.set(id, member);
    this.start(member);
  }

  private start(member: Member): void {
    member.boot++;
    member.writing = null;
    const rank = [...this.members.keys()].indexOf(member.id);
    member.core = new Core({
      cluster: 'test',
      self: { member: member.id, boot: member.boot, nonce: 0 },
      stored: member.disk,
      now: this.now,
      // The first member is always the least patient.
      random: () => Math.min(0.99, rank * 0.3),
      timing: this.timing,
      limits: this.limits,
      concerns: this.concerns,
    });
  }

  private step(id: string, event: Event): void {
    const member = this.member(id);
    if (member.core === null) return;
    for (const effect of member.core.step(event, this.now)) this.do(member, effect);
  }

  private do(member: Member, effect: Effect): void {
    const { id } = member;
    switch (effect.type) {
      case 'send':
        this.wire.push(effect.message);
        this.print(`${id} -> ${effect.message.to} ${describeMessage(effect.message)}`);
        return;
      case 'persist':
        member.writing = effect;
        this.print(`${id} writes ${describePersist(effect)}`);
        return;
      case 'apply':
        for (const entry of effect.entries) member.applied.push(payload(entry));
        // The tables are durable with the log here.
        member.disk = { ...member.disk, applied: effect.entries[effect.entries.length - 1].index };
        this.print(`${id} applies ${effect.entries.map(describeEntry).join(' ')}`);
        return;
      case 'restore':
        member.applied = [`snapshot up to ${effect.meta.index}`];
        this.print(`${id} restores the snapshot up to ${effect.meta.index}`);
        return;
      case 'trim':
        member.disk = {
          ...member.disk,
          base: effect.base,
          entries: member.disk.entries.filter(({ index }) => index > effect.base.index),
        };
        this.print(`${id} trims its log up to ${effect.base.index}`);
        return;
      case 'reply':
        this.print(`${id} answers proposal ${effect.requestId}: ${effect.outcome}`);
        return;
      case 'role':
        this.print(
          `${id} is ${effect.role} in term ${effect.term}${effect.master === null ? '' : `, master ${effect.master}`}`,
        );
        return;
      case 'membership':
        this.print(`${id} has voters ${effect.membership.voters} learners ${effect.membership.learners.join() || '-'}`);
        return;
      case 'read-snapshot':
        this.readSnapshot(member, effect);
        return;
      case 'stage-chunk':
        member.staged += effect.data.length;
        this.step(id, {
          type: 'chunk-staged',
          index: effect.meta.index,
          next: effect.offset + effect.data.length,
          outcome: effect.last ? 'complete' : 'partial',
        });
        return;
      case 'transfer-ended':
        this.print(`${id} ends the transfer: ${effect.outcome}`);
        return;
      case 'removal':
        this.print(`${id} on the removal of ${effect.member}: ${effect.outcome}`);
        return;
      case 'halt':
        member.core = null;
        this.print(`${id} halts: ${effect.reason}`);
        return;
    }
  }

  /** A snapshot of two bytes, in one chunk. */
  private readSnapshot(member: Member, effect: Effect & { type: 'read-snapshot' }): void {
    const core = member.core as Core;
    const index = effect.index ?? core.appliedIndex;
    const meta = { index, term: core.log.termAt(index) ?? 0, membership: core.membership.membership };
    const chunk = { meta, offset: effect.offset, data: new Uint8Array(2), last: true };
    this.step(member.id, { type: 'snapshot-read', to: effect.to, transfer: effect.transfer, chunk });
  }

  private write(id: string): void {
    const member = this.member(id);
    if (member.writing === null) return;
    const { seq, hardState, truncateFrom, snapshot, entries } = member.writing;
    member.writing = null;
    const { disk } = member;
    let kept = truncateFrom === null ? disk.entries : disk.entries.filter(({ index }) => index < truncateFrom);
    if (snapshot !== null) kept = snapshot.keepLater ? kept.filter(({ index }) => index > snapshot.meta.index) : [];
    member.disk = {
      hardState: hardState ?? disk.hardState,
      base: snapshot?.meta ?? disk.base,
      entries: [...kept, ...entries],
      applied: snapshot?.meta.index ?? disk.applied,
    };
    this.step(id, { type: 'persisted', seq });
  }

  private take(filters: string[]): Message[] {
    const matches = matching(filters);
    const taken = this.wire.filter(matches);
    this.wire = this.wire.filter((message) => !matches(message));
    return taken;
  }

  private member(id: string): Member {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`there is no member ${id}`);
    return member;
  }

  private describe({ id, core }: Member): string {
    if (core === null) return `${id}: down`;
    const { voters, learners } = core.membership.membership;
    const lease = `${core.mayAnswer(this.now) ? ', may answer' : ''}${core.muted ? ', muted' : ''}`;
    const log = `log ${core.log.base.index + 1}..${core.lastIndex} commit ${core.commitIndex}`;
    return `${id}: ${core.role} in term ${core.term}, ${log}, voters ${voters} learners ${learners.join() || '-'}${lease}`;
  }

  private print(line: string): void {
    if (!this.quiet) this.lines.push(line);
  }
}

function matching(filters: string[]): (message: Message) => boolean {
  const wanted = filters.map((filter) => {
    const not = filter.startsWith('not-');
    const [key, values] = (not ? filter.slice(4) : filter).split('=');
    const list = values.split(',');
    return (message: Message) => list.includes(String(message[key as 'to'])) !== not;
  });
  return (message) => wanted.every((matches) => matches(message));
}

function payload(entry: Entry): string {
  return entry.kind === 'batch' ? decoder.decode(entry.data) : entry.kind;
}

function describeEntry(entry: Entry): string {
  return `${entry.index}/${entry.term}:${payload(entry)}`;
}

function describePersist({ hardState, truncateFrom, snapshot, entries }: Persist): string {
  const parts: string[] = [];
  if (hardState !== null) parts.push(`term ${hardState.term} vote ${hardState.vote ?? 'nobody'}`);
  if (truncateFrom !== null) parts.push(`truncation from ${truncateFrom}`);
  if (snapshot !== null) parts.push(`snapshot up to ${snapshot.meta.index}`);
  if (entries.length > 0) parts.push(`entries ${entries.map(describeEntry).join(' ')}`);
  return parts.join(', ');
}

function describeMessage(message: Message): string {
  const term = `term=${message.term}`;
  switch (message.type) {
    case 'append': {
      const entries = message.entries.map(describeEntry).join(' ');
      return `append ${term} after ${message.prevIndex}/${message.prevTerm} [${entries}] commit=${message.commit}`;
    }
    case 'append-ack':
      return `append-ack ${term} match=${message.match}`;
    case 'append-reject':
      return `append-reject ${term} after ${message.prevIndex}, try ${message.hintIndex}/${message.hintTerm}`;
    case 'pre-vote':
    case 'vote':
      return `${message.type} ${term} log=${message.lastIndex}/${message.lastTerm}${'transfer' in message && message.transfer ? ' by order' : ''}`;
    case 'pre-vote-reply':
    case 'vote-reply':
      return `${message.type} ${term} ${message.granted ? 'yes' : 'no'}`;
    case 'snapshot-chunk':
      return `snapshot-chunk ${term} of ${message.meta.index} at ${message.offset}${message.last ? ' last' : ''}`;
    case 'snapshot-ack':
      return `snapshot-ack ${term} of ${message.index} up to ${message.next}`;
    default:
      return `${message.type} ${term}`;
  }
}
