import type { MemberId } from '../src/cluster/consensus/identity.ts';
import { NO_MEMBERS } from '../src/cluster/consensus/membership.ts';
import { Disk } from './disk.ts';
import { Member, type World } from './member.ts';
import type { Network } from './network.ts';

/** A machine: its disk, and the process on it, if one runs. */
export interface Slot {
  readonly number: number;
  disk: Disk;
  /** How fast its clock runs. */
  readonly rate: number;
  process: Member | null;
  /** One of two copies of a data folder that is not used any more. */
  abandoned: boolean;
  restartPlanned: boolean;
}

const MOST_SLOTS = 10;

/** All machines of one simulated cluster, and whoever looks after them: starts, stops, restarts, discards. */
export class Machines {
  readonly slots: Slot[] = [];
  /** Identities whose disk was lost. */
  readonly lost = new Set<MemberId>();
  private readonly world: World;
  private readonly network: Network;
  private readonly trace: (line: string) => void;
  private nextMember = 1;

  constructor(world: World, network: Network, trace: (line: string) => void) {
    this.world = world;
    this.network = network;
    this.trace = trace;
  }

  get full(): boolean {
    return this.slots.length >= MOST_SLOTS;
  }

  processes(): Member[] {
    return this.slots.flatMap(({ process }) => (process === null ? [] : [process]));
  }

  /** Two processes claim one identity at the moment. */
  hasDoubles(): boolean {
    const members = this.processes().map(({ member }) => member);
    return new Set(members).size < members.length;
  }

  /** Every machine that is still in use has its process running, once. */
  allUp(): boolean {
    const processes = this.processes();
    const up = new Set(processes.map(({ member }) => member));
    return up.size === processes.length && this.slots.every(({ disk, abandoned }) => abandoned || up.has(disk.member));
  }

  /** The disk of a member and its copies; none if it was lost. */
  disksOf(member: MemberId): Disk[] {
    if (this.lost.has(member)) return [];
    return this.slots.flatMap(({ disk, abandoned }) => (disk.member === member && !abandoned ? [disk] : []));
  }

  newMemberId(): MemberId {
    return `m${String(this.nextMember++).padStart(2, '0')}`;
  }

  add(disk: Disk): Slot {
    const { drift } = this.world.scenario;
    const rate = this.world.random.between(1 - drift, 1 + drift);
    const slot = { number: this.slots.length, disk, rate, process: null, abandoned: false, restartPlanned: false };
    this.slots.push(slot);
    return slot;
  }

  /** A new machine with an empty disk. */
  join(): void {
    if (!this.full) this.start(this.add(new Disk(this.newMemberId(), NO_MEMBERS)));
  }

  start(slot: Slot): void {
    if (slot.process !== null || slot.abandoned) return;
    slot.process = new Member(this.world, slot.number, slot.disk, slot.rate);
    this.trace(`start ${slot.process.label}`);
    this.meetContacts(slot.process);
  }

  crash(process: Member): void {
    if (this.slots[process.slot].process !== process) return;
    this.trace(`crash ${process.label}`);
    this.stop(process);
  }

  /** A process gave up as a duplicate. */
  halted(process: Member): void {
    this.trace(`${process.label} halts as a duplicate`);
    this.stop(process);
  }

  /** A crash and a restart within a few milliseconds. */
  bounce(process: Member): void {
    const slot = this.slots[process.slot];
    if (this.hasDoubles() || slot.process !== process) return;
    process.crash();
    slot.process = null;
    this.noticeDeath(process);
    this.world.timeline.after(this.world.random.between(0.5, 5), () => this.start(slot));
  }

  planRestart(slot: Slot): void {
    if (slot.restartPlanned || slot.abandoned || slot.process !== null) return;
    slot.restartPlanned = true;
    const { random } = this.world;
    this.world.timeline.after(random.chance(0.3) ? random.between(5, 50) : random.between(100, 2_500), () => {
      slot.restartPlanned = false;
      this.start(slot);
    });
  }

  /** The disk is gone; the machine comes back as somebody else (rule 6). */
  lose(slot: Slot): void {
    this.trace(`disk of ${slot.disk.member} is lost`);
    this.lost.add(slot.disk.member);
    slot.disk = new Disk(this.newMemberId(), NO_MEMBERS);
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
    if (!this.world.random.chance(this.world.scenario.noticed)) return;
    for (const slot of this.slots) {
      if (this.network.isCut(dead.slot, slot.number)) continue;
      this.world.timeline.after(this.world.random.between(0.1, 5), () => {
        slot.process?.take({ type: 'died', member: dead.member, boot: dead.boot });
      });
    }
  }

  /** Discovery: every instance is told now and then who is there. */
  private meetContacts(process: Member): void {
    if (!process.running) return;
    process.take({ type: 'contacts', members: this.processes().map(({ member }) => member) });
    this.world.timeline.after(500, () => this.meetContacts(process));
  }
}

/** The slot whose log is the better one, by rule 2. */
function fuller(a: Slot, b: Slot): Slot {
  const [last, other] = [a, b].map(({ disk }) => disk.entries.at(-1) ?? disk.base);
  return other.term > last.term || (other.term === last.term && other.index > last.index) ? b : a;
}
