import type { Concerns } from '../src/cluster/consensus/core.ts';
import type { Event } from '../src/cluster/consensus/events.ts';
import type { MemberId } from '../src/cluster/consensus/identity.ts';
import { InvariantError } from '../src/cluster/consensus/invariant.ts';
import { isMember, type Membership, membershipOf, NO_MEMBERS } from '../src/cluster/consensus/membership.ts';
import type { Message } from '../src/cluster/consensus/messages.ts';
import { Checker, Violation } from './checker.ts';
import { Disk } from './disk.ts';
import { drawScenario, type Fault, type Scenario } from './faults.ts';
import { Member, type World } from './member.ts';
import { Network } from './network.ts';
import { Random } from './random.ts';
import { encodeProposal, mix } from './state-machine.ts';
import { Timeline } from './timeline.ts';

export interface Options {
  readonly seed: number;
  /** Faulty parts of the core. */
  readonly concerns?: Partial<Concerns>;
  /** A wiped disk comes back under its old identity: what rule 6 forbids hosts to do. */
  readonly wipedKeepsIdentity?: boolean;
  readonly trace?: (line: string) => void;
}

export interface Outcome {
  readonly seed: number;
  /** null: nothing was wrong. */
  readonly failure: { readonly check: string; readonly message: string; readonly atMs: number } | null;
  /** Over every step of the run: equal hashes mean equal runs. */
  readonly traceHash: number;
  readonly steps: number;
  readonly acknowledged: number;
}

/** A machine: its disk, and the process on it, if one runs. */
interface Slot {
  readonly number: number;
  disk: Disk;
  readonly rate: number;
  process: Member | null;
  /** One of two copies of a data folder that is not used any more. */
  abandoned: boolean;
  restartPlanned: boolean;
}

const MOST_SLOTS = 10;
/** A healed cluster has this long, in virtual time, to agree and to commit something new. */
const CONVERGE_MS = 20_000;
const ISOLATION_MS = 3_000;
/** Two processes of one identity do not run for longer than this. */
const COPY_MS = 7_000;
/** After the chaos clients are slow enough for everyone to catch up. */
const CALM_PROPOSE_MS = 20;
/** And everything must have been well for this long. */
const STABLE_MS = 1_500;

/** Runs one seed to its end: chaos, healing, a quiet isolation of one member, and the last checks. */
export function simulate(options: Options): Outcome {
  const simulation = new Simulation(options);
  let failure: Outcome['failure'] = null;
  try {
    simulation.run();
  } catch (error) {
    const known = error instanceof Violation ? error.check : error instanceof InvariantError ? 'invariant' : null;
    const message = error instanceof Error ? error.message : String(error);
    failure = { check: known ?? 'host', message, atMs: Math.round(simulation.timeline.now) };
    if (known === null) options.trace?.(error instanceof Error ? (error.stack ?? '') : '');
  }
  const { traceHash, steps, checker } = simulation;
  return { seed: options.seed, failure, traceHash, steps, acknowledged: checker.acknowledgedCount };
}

class Simulation implements World {
  readonly cluster = 'sim';
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly scenario: Scenario;
  readonly checker: Checker;
  readonly concerns: Partial<Concerns>;
  diskSlowness = 1;
  traceHash = 0;
  steps = 0;
  private readonly options: Options;
  private readonly network: Network;
  private readonly slots: Slot[] = [];
  /** Identities whose disk was lost. */
  private readonly lost = new Set<MemberId>();
  private nextMember = 1;
  private nextProposal = 1;
  private chaos = true;
  private proposing = true;
  /** Counts partitions: the end of one must not mend the next. */
  private mendings = 0;
  private readonly keepalives: boolean;

  constructor(options: Options) {
    this.options = options;
    this.random = new Random(options.seed);
    this.scenario = drawScenario(this.random);
    this.concerns = options.concerns ?? {};
    this.network = new Network(this.timeline, this.random, this.scenario.network);
    this.checker = new Checker((id) => (this.lost.has(id) ? [] : this.disksOf(id)));
    this.keepalives = this.scenario.faults.includes('copy');
  }

  run(): void {
    const { scenario, timeline, random } = this;
    this.options.trace?.(JSON.stringify(scenario));
    const members: MemberId[] = [];
    for (let i = 0; i < scenario.voters; i++) members.push(this.newMemberId());
    const membership = membershipOf(members);
    for (const id of members) this.addSlot(new Disk(id, membership));
    for (const slot of this.slots) this.start(slot);
    for (let i = 0; i < scenario.joiners; i++) timeline.after(random.between(0, scenario.chaosMs), () => this.join());
    this.planProposal();
    this.planFault();
    if (this.keepalives) this.planKeepalives();
    timeline.runUntil(scenario.chaosMs);
    this.heal();
    this.converge('liveness');
    this.isolateOne();
    this.quiesce();
    this.checker.finished(this.processes());
  }

  afterStep(member: Member, event: Event): void {
    this.steps++;
    const { core } = member;
    this.traceHash = mix(mix(mix(this.traceHash, member.slot), core.term), core.commitIndex);
    this.traceHash = mix(this.traceHash, Math.floor(this.timeline.now * 1000));
    if (this.options.trace !== undefined && event.type !== 'tick') this.traceStep(member, event);
    this.checker.answering(this.answering());
  }

  send(from: Member, message: Message): void {
    for (const slot of this.slots) {
      if (slot.disk.member !== message.to || slot.process === from) continue;
      this.network.deliver(from.slot, slot.number, () => slot.process?.take({ type: 'message', message }));
    }
  }

  halted(member: Member): void {
    this.trace(`${member.label} halts as a duplicate`);
    this.stop(member);
  }

  private *answering(): Iterable<Member> {
    for (const { process } of this.slots) if (process !== null && !process.paused) yield process;
  }

  private processes(): Member[] {
    return this.slots.flatMap(({ process }) => (process === null ? [] : [process]));
  }

  // --- faults

  private planFault(): void {
    const { random, scenario } = this;
    if (scenario.faults.length === 0) return;
    this.timeline.after(random.exponential(scenario.faultEveryMs), () => {
      if (!this.chaos) return;
      this.fault(random.pick(scenario.faults));
      this.planFault();
    });
  }

  private fault(fault: Fault): void {
    const { random, timeline } = this;
    // While a copied folder runs, nothing may hide its original: see the README of the core on duplicates.
    if (this.hasDoubles()) return;
    const running = this.processes();
    if (running.length === 0) return;
    const victim = random.pick(running);
    const master = running.find(({ core }) => core.role === 'master') ?? victim;
    switch (fault) {
      case 'crash':
        this.crash(victim);
        return;
      case 'crash-master':
        this.crash(master);
        return;
      case 'crash-all':
        if (random.chance(0.8)) return; // rarer: it interrupts everything else
        for (const process of running) this.crash(process);
        return;
      case 'fsync-failure':
        // The instance stops; what the disk has of the write is unknown.
        this.crash(victim);
        return;
      case 'pause':
        this.trace(`pause ${victim.label}`);
        victim.pause();
        timeline.after(random.between(10, 1_500), () => victim.resume());
        return;
      case 'partition':
        this.partition((a, b) => a !== b, false);
        return;
      case 'one-way':
        this.partition((a, b) => a !== b, true);
        return;
      case 'link': {
        // Two that cannot hear each other, while everyone else hears both.
        const other = random.pick(this.slots).number;
        const pair = [master.slot, other];
        if (random.chance(0.5)) this.planBounces(running.filter(({ slot }) => !pair.includes(slot)));
        this.partition((_, __, from, to) => pair.includes(from) && pair.includes(to), false);
        return;
      }
      case 'bounce':
        this.bounce(victim);
        return;
      case 'isolate-master':
        this.partition((_, __, from, to) => from === master.slot || to === master.slot, random.chance(0.3));
        return;
      case 'slow-disk':
        this.diskSlowness = 20;
        timeline.after(random.between(100, 1_000), () => {
          this.diskSlowness = 1;
        });
        return;
      case 'wipe':
        this.wipe(victim);
        return;
      case 'copy':
        this.copy(victim);
        return;
      case 'transfer':
        this.trace(`transfer from ${master.label}`);
        master.take({ type: 'transfer', to: random.chance(0.5) ? null : random.pick(running).member });
        return;
    }
  }

  private partition(cut: (sideA: boolean, sideB: boolean, from: number, to: number) => boolean, oneWay: boolean): void {
    const { random, network } = this;
    this.mendings++;
    const mending = this.mendings;
    network.mend();
    const sides = this.slots.map(() => random.chance(0.5));
    for (const a of this.slots) {
      for (const b of this.slots) {
        if (a === b || !cut(sides[a.number], sides[b.number], a.number, b.number)) continue;
        if (oneWay && a.number > b.number) continue;
        network.cutLink(a.number, b.number);
      }
    }
    this.trace(`partition ${sides.map((side) => (side ? 'a' : 'b')).join('')}${oneWay ? ' one way' : ''}`);
    this.timeline.after(random.between(100, 2_000), () => {
      if (mending === this.mendings) network.mend();
    });
  }

  private crash(process: Member): void {
    if (this.slots[process.slot].process !== process) return;
    this.trace(`crash ${process.label}`);
    this.stop(process);
  }

  /** A crash and a restart so quick that hardly anyone notices. */
  private bounce(process: Member): void {
    const slot = this.slots[process.slot];
    if (this.hasDoubles()) return;
    process.crash();
    slot.process = null;
    this.timeline.after(this.random.between(0.5, 5), () => {
      if (slot.process === null && !slot.abandoned) this.start(slot);
    });
  }

  /** Those who hear both sides of a cut link forget, one after the other, what they knew. */
  private planBounces(witnesses: Member[]): void {
    for (const { slot } of witnesses) {
      this.timeline.after(this.random.between(200, 1_000), () => {
        const { process } = this.slots[slot];
        if (process !== null && this.chaos) this.bounce(process);
      });
    }
  }

  private stop(process: Member): void {
    const slot = this.slots[process.slot];
    process.crash();
    slot.process = null;
    this.noticeDeath(process);
    this.planRestart(this.keptOf(slot));
  }

  /**
   * The data folder that whoever runs the machines starts again: of two copies the one whose process takes part, else the
   * fuller one. The other is never used again.
   */
  private keptOf(slot: Slot): Slot {
    const doubles = this.slots.filter(({ disk, abandoned }) => disk.member === slot.disk.member && !abandoned);
    const kept = doubles.find(({ process }) => process !== null && !process.core.muted) ?? doubles.reduce(fuller);
    for (const double of doubles) {
      if (double === kept) continue;
      double.abandoned = true;
      if (double.process === null) continue;
      this.trace(`${double.process.label} is stopped by hand`);
      double.process.crash();
      this.noticeDeath(double.process);
      double.process = null;
    }
    return kept;
  }

  /** Closed connections tell some of the others, soon. */
  private noticeDeath(dead: Member): void {
    if (!this.random.chance(this.scenario.noticed)) return;
    for (const slot of this.slots) {
      if (this.network.isCut(dead.slot, slot.number)) continue;
      this.timeline.after(this.random.between(0.1, 5), () => {
        slot.process?.take({ type: 'died', member: dead.member, boot: dead.boot });
      });
    }
  }

  private planRestart(slot: Slot): void {
    if (slot.restartPlanned || slot.abandoned || slot.process !== null) return;
    slot.restartPlanned = true;
    const { random } = this;
    this.timeline.after(random.chance(0.3) ? random.between(5, 50) : random.between(100, 2_500), () => {
      slot.restartPlanned = false;
      if (slot.process === null && !slot.abandoned) this.start(slot);
    });
  }

  /** A disk is lost, unless that would leave some membership without a quorum for ever. */
  private wipe(process: Member): void {
    const memberships = this.slots.map((slot) => slot.process?.core.membership.membership ?? slot.disk.membership);
    // A learner may be promoted, in the belief that it lives, up to a moment after its loss.
    const bearable = ({ voters, learners }: Membership) => {
      const gone = [...voters, ...learners].filter((id) => id === process.member || this.lost.has(id)).length;
      const size = voters.length + (learners.includes(process.member) ? 1 : 0);
      return gone <= Math.floor((size - 1) / 2);
    };
    const concerned = memberships.filter((membership) => isMember(membership, process.member));
    if (!concerned.every(bearable)) return;
    const slot = this.slots[process.slot];
    this.crash(process);
    if (this.options.wipedKeepsIdentity) {
      const { boot } = slot.disk;
      slot.disk = new Disk(process.member, slot.disk.base.membership);
      slot.disk.boot = boot;
    } else this.lose(slot);
  }

  private lose(slot: Slot): void {
    this.trace(`disk of ${slot.disk.member} is lost`);
    this.lost.add(slot.disk.member);
    slot.disk = new Disk(this.newMemberId(), NO_MEMBERS);
  }

  /** Someone starts a second instance from a copy of a running one's data folder. */
  private copy(original: Member): void {
    if (this.slots.length >= MOST_SLOTS || this.slots.some(({ process }) => process?.paused)) return;
    // The others must have had time to hear the original.
    if (this.timeline.now < original.startedAt + 1_000) return;
    // The only voter has no one to vouch for it but its own keepalives: they must come through.
    const alone = original.core.membership.membership.voters.length === 1;
    if (alone && !this.scenario.network.ordered && this.scenario.network.loss > 0.01) return;
    this.network.mend();
    const disk = this.slots[original.slot].disk.copy();
    const slot = this.addSlot(disk);
    this.start(slot);
    const copy = slot.process;
    this.timeline.after(COPY_MS, () => {
      if (original.running && slot.process === copy && copy !== null)
        this.checker.fail('duplicate', `${original.member} runs twice`);
    });
  }

  private hasDoubles(): boolean {
    const members = this.processes().map(({ member }) => member);
    return new Set(members).size < members.length;
  }

  private join(): void {
    if (this.slots.length < MOST_SLOTS) this.start(this.addSlot(new Disk(this.newMemberId(), NO_MEMBERS)));
  }

  private planKeepalives(): void {
    this.timeline.after(100, () => {
      for (const { process: from } of this.slots) {
        if (from === null || from.paused) continue;
        const { member, boot, nonce } = from;
        for (const to of this.slots) {
          if (to.number === from.slot) continue;
          this.network.deliver(from.slot, to.number, () => to.process?.take({ type: 'heard', member, boot, nonce }));
        }
      }
      this.planKeepalives();
    });
  }

  // --- the end of the run

  private heal(): void {
    this.trace('heal');
    this.chaos = false;
    this.mendings++;
    this.diskSlowness = 1;
    this.network.becalm();
    for (const slot of this.slots) {
      slot.process?.resume();
      if (slot.process === null && !slot.abandoned) this.planRestart(slot);
    }
  }

  /** One master, everyone equally far, and new proposals are acknowledged. */
  private converge(check: string): void {
    const { timeline, checker } = this;
    const deadline = timeline.now + CONVERGE_MS;
    const before = checker.acknowledgedCount;
    let stableSince = timeline.now;
    while (timeline.now < deadline) {
      timeline.runUntil(timeline.now + 100);
      if (!this.stable()) stableSince = timeline.now;
      if (timeline.now > stableSince + STABLE_MS && checker.acknowledgedCount > before + 5) return;
    }
    const state = this.slots.map(({ process, disk }) => {
      if (process === null) return `${disk.member}:down`;
      const { core } = process;
      return `${process.label}:${core.role}/${core.term}/${core.commitIndex}${core.muted ? '/muted' : ''}`;
    });
    checker.fail(check, `not converged after ${CONVERGE_MS} ms: ${state.join(' ')}`);
  }

  /** No more proposals: within a moment everyone has the same. */
  private quiesce(): void {
    this.proposing = false;
    const { timeline } = this;
    const deadline = timeline.now + CONVERGE_MS;
    while (timeline.now < deadline) {
      timeline.runUntil(timeline.now + 100);
      const processes = this.processes();
      const commits = new Set(processes.map(({ core }) => core.commitIndex));
      const last = Math.max(...processes.map(({ core }) => core.lastIndex));
      if (commits.size === 1 && commits.has(last)) return;
    }
    this.checker.fail('liveness', 'members did not come to the same end');
  }

  private stable(): boolean {
    const processes = this.processes();
    const up = new Set(processes.map(({ member }) => member));
    if (up.size < processes.length || !this.slots.every(({ disk, abandoned }) => abandoned || up.has(disk.member)))
      return false;
    const master = processes.find(({ core }) => core.role === 'master');
    if (master === undefined || !master.core.mayAnswer(master.clock())) return false;
    const { voters, learners } = master.core.membership.membership;
    // Those who were wiped are still listed until replaced; everyone who runs must be in and close behind.
    return processes.every(({ member, core }) => {
      if (core.muted) return false;
      if (!voters.includes(member) && !learners.includes(member)) return learners.length >= 16;
      return core.term === master.core.term && core.commitIndex + 40 >= master.core.commitIndex;
    });
  }

  /** Rule 9 in both directions: an isolated slave does not disturb, an isolated master steps down. */
  private isolateOne(): void {
    const { random, timeline, network, checker } = this;
    const processes = this.processes();
    const master = processes.find(({ core }) => core.role === 'master') as Member;
    const victim = random.pick(processes);
    this.trace(`isolate ${victim.label}`);
    const { term } = master.core;
    for (const slot of this.slots) {
      if (slot.number === victim.slot) continue;
      network.cutLink(slot.number, victim.slot);
      network.cutLink(victim.slot, slot.number);
    }
    const joined = master.core.membership.index;
    timeline.runUntil(timeline.now + Math.min(ISOLATION_MS, this.scenario.replaceAfterMs - 200));
    const { voters } = master.core.membership.membership;
    if (victim === master && voters.length > 1 && master.core.role === 'master') {
      checker.fail('check-quorum', `${master.label} is still master after its isolation`);
    }
    network.mend();
    this.converge('liveness-after-isolation');
    const unchanged = master.core.membership.index === joined;
    if (victim !== master && unchanged && (master.core.role !== 'master' || master.core.term !== term)) {
      // A voter short of a quorum of others would take the master down with it: not a disturbance.
      if (voters.length > 2 && !voters.some((id) => this.lost.has(id))) {
        checker.fail('disturbance', `the return of ${victim.label} cost ${master.label} its mastership`);
      }
    }
  }

  // --- clients

  private planProposal(): void {
    const mean = this.chaos ? this.scenario.proposeEveryMs : Math.max(this.scenario.proposeEveryMs, CALM_PROPOSE_MS);
    this.timeline.after(this.random.exponential(mean), () => {
      if (!this.proposing) return;
      this.planProposal();
      const processes = this.processes();
      if (processes.length === 0) return;
      const id = this.nextProposal++;
      const master = processes.find(({ core }) => core.role === 'master');
      const to = master !== undefined && this.random.chance(0.9) ? master : this.random.pick(processes);
      to.propose(id, encodeProposal(id));
    });
  }

  // --- instances

  private addSlot(disk: Disk): Slot {
    const { drift } = this.scenario;
    const number = this.slots.length;
    const rate = this.random.between(1 - drift, 1 + drift);
    const slot: Slot = { number, disk, rate, process: null, abandoned: false, restartPlanned: false };
    this.slots.push(slot);
    return slot;
  }

  private start(slot: Slot): void {
    slot.process = new Member(this, slot.number, slot.disk, slot.rate);
    this.trace(`start ${slot.process.label}`);
    this.meetContacts(slot.process);
  }

  /** Discovery: every instance is told now and then who is there. */
  private meetContacts(process: Member): void {
    if (!process.running) return;
    process.take({ type: 'contacts', members: this.processes().map(({ member }) => member) });
    this.timeline.after(500, () => this.meetContacts(process));
  }

  private newMemberId(): MemberId {
    return `m${String(this.nextMember++).padStart(2, '0')}`;
  }

  private disksOf(member: MemberId): Disk[] {
    return this.slots.flatMap(({ disk, abandoned }) => (disk.member === member && !abandoned ? [disk] : []));
  }

  private trace(line: string): void {
    this.options.trace?.(`${this.timeline.now.toFixed(2).padStart(10)} ${line}`);
  }

  private traceStep(member: Member, event: Event): void {
    const { core } = member;
    const what = event.type === 'message' ? describe(event.message) : event.type;
    this.trace(
      `${member.label} ${core.role}/${core.term} last=${core.lastIndex} commit=${core.commitIndex} <- ${what}`,
    );
  }
}

/** The slot whose log is the better one, by rule 2. */
function fuller(a: Slot, b: Slot): Slot {
  const [last, other] = [a, b].map(({ disk }) => disk.entries.at(-1) ?? disk.base);
  return other.term > last.term || (other.term === last.term && other.index > last.index) ? b : a;
}

function describe(message: Message): string {
  const { type, from, boot, to: _to, cluster: _cluster, nonce: _nonce, ...rest } = message;
  const fields = Object.entries(rest).map(([key, value]) => {
    if (value instanceof Uint8Array) return `${key}=${value.length}B`;
    if (key === 'entries') return `entries=${(value as { term: number }[]).map((entry) => entry.term).join(',')}`;
    return `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`;
  });
  return `${type} from ${from}.${boot} ${fields.join(' ')}`;
}
