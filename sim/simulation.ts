import type { Concerns } from '../src/cluster/consensus/concerns.ts';
import type { Event } from '../src/cluster/consensus/events.ts';
import type { MemberId } from '../src/cluster/consensus/identity.ts';
import { InvariantError } from '../src/cluster/consensus/invariant.ts';
import { membershipOf } from '../src/cluster/consensus/membership.ts';
import type { Message } from '../src/cluster/consensus/messages.ts';
import { Chaos } from './chaos.ts';
import { Checker, Violation } from './checker.ts';
import { Disk } from './disk.ts';
import { drawScenario, type Scenario } from './faults.ts';
import { Machines } from './machines.ts';
import type { Member, World } from './member.ts';
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

/** A healed cluster has this long, in virtual time, to agree and to commit something new. */
const CONVERGE_MS = 20_000;
const ISOLATION_MS = 3_000;
/** After the chaos clients are slow enough for everyone to catch up, and fast enough to see that. */
const CALM_PROPOSE_MS = 25;
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
  private readonly machines: Machines;
  private readonly chaos: Chaos;
  private chaotic = true;
  private nextProposal = 1;
  private proposing = true;
  private readonly keepalives: boolean;

  constructor(options: Options) {
    this.options = options;
    this.random = new Random(options.seed);
    this.scenario = drawScenario(this.random);
    this.concerns = options.concerns ?? {};
    this.network = new Network(this.timeline, this.random, this.scenario.network);
    const trace = (line: string) => this.trace(line);
    const { wipedKeepsIdentity = false } = options;
    this.machines = new Machines(this, this.network, trace);
    this.chaos = new Chaos(this, this.machines, this.network, { wipedKeepsIdentity, trace });
    this.checker = new Checker((id) => this.machines.disksOf(id));
    this.keepalives = this.scenario.faults.includes('copy');
  }

  run(): void {
    const { scenario, timeline, random } = this;
    this.options.trace?.(JSON.stringify(scenario));
    const members: MemberId[] = [];
    for (let i = 0; i < scenario.voters; i++) members.push(this.machines.newMemberId());
    const membership = membershipOf(members);
    for (const id of members) this.machines.add(new Disk(id, membership));
    for (const slot of this.machines.slots) this.machines.start(slot);
    for (let i = 0; i < scenario.joiners; i++)
      timeline.after(random.between(0, scenario.chaosMs), () => this.machines.join());
    this.planProposal();
    this.chaos.begin();
    if (this.keepalives) this.planKeepalives();
    timeline.runUntil(scenario.chaosMs);
    this.trace('heal');
    this.chaotic = false;
    this.chaos.end();
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
    for (const slot of this.machines.slots) {
      if (slot.disk.member !== message.to || slot.process === from) continue;
      this.network.deliver(from.slot, slot.number, () => slot.process?.take({ type: 'message', message }));
    }
  }

  halted(member: Member): void {
    this.machines.halted(member);
  }

  private *answering(): Iterable<Member> {
    for (const { process } of this.machines.slots) if (process !== null && !process.paused) yield process;
  }

  private processes(): Member[] {
    return this.machines.processes();
  }

  /** Keepalives among all instances: who is alive, for `heard`. */
  private planKeepalives(): void {
    this.timeline.after(100, () => {
      const { slots } = this.machines;
      for (const { process: from } of slots) {
        if (from === null || from.paused) continue;
        const { member, boot, nonce } = from;
        for (const to of slots) {
          if (to.number === from.slot) continue;
          this.network.deliver(from.slot, to.number, () => to.process?.take({ type: 'heard', member, boot, nonce }));
        }
      }
      this.planKeepalives();
    });
  }

  // --- the end of the run

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
    const state = this.machines.slots.map(({ process, disk }) => {
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
    if (!this.machines.allUp()) return false;
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
    for (const slot of this.machines.slots) {
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
      if (voters.length > 2 && !voters.some((id) => this.machines.lost.has(id))) {
        checker.fail('disturbance', `the return of ${victim.label} cost ${master.label} its mastership`);
      }
    }
  }

  // --- clients

  private planProposal(): void {
    const mean = this.chaotic ? this.scenario.proposeEveryMs : CALM_PROPOSE_MS;
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

function describe(message: Message): string {
  const { type, from, boot, to: _to, cluster: _cluster, nonce: _nonce, ...rest } = message;
  const fields = Object.entries(rest).map(([key, value]) => {
    if (value instanceof Uint8Array) return `${key}=${value.length}B`;
    if (key === 'entries') return `entries=${(value as { term: number }[]).map((entry) => entry.term).join(',')}`;
    return `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`;
  });
  return `${type} from ${from}.${boot} ${fields.join(' ')}`;
}
