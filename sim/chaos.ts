import { isMember, type Membership } from '../src/cluster/consensus/membership.ts';
import { Disk } from './disk.ts';
import type { Fault } from './faults.ts';
import type { Machines } from './machines.ts';
import type { Member, World } from './member.ts';
import type { Network } from './network.ts';

/** Two processes of one identity do not run for longer than this. */
const COPY_MS = 7_000;

/** Draws faults from the scenario's mix and lets them happen, until it ends. */
export class Chaos {
  private readonly world: World;
  private readonly machines: Machines;
  private readonly network: Network;
  private readonly wipedKeepsIdentity: boolean;
  private readonly trace: (line: string) => void;
  /** Counts partitions: the end of one must not mend the next. */
  private mendings = 0;
  private over = false;

  constructor(
    world: World,
    machines: Machines,
    network: Network,
    { wipedKeepsIdentity, trace }: { wipedKeepsIdentity: boolean; trace: (line: string) => void },
  ) {
    this.world = world;
    this.machines = machines;
    this.network = network;
    this.wipedKeepsIdentity = wipedKeepsIdentity;
    this.trace = trace;
  }

  begin(): void {
    this.planFault();
  }

  /** Nothing more happens, and what did is over. */
  end(): void {
    this.over = true;
    this.mendings++;
    this.world.diskSlowness = 1;
    this.network.becalm();
    for (const slot of this.machines.slots) {
      slot.process?.resume();
      this.machines.planRestart(slot);
    }
  }

  private planFault(): void {
    const { random, scenario } = this.world;
    if (scenario.faults.length === 0) return;
    this.world.timeline.after(random.exponential(scenario.faultEveryMs), () => {
      if (this.over) return;
      this.fault(random.pick(scenario.faults));
      this.planFault();
    });
  }

  private fault(fault: Fault): void {
    const { random, timeline } = this.world;
    // While a copied folder runs, nothing may hide its original: see the README of the core on duplicates.
    if (this.machines.hasDoubles()) return;
    const running = this.machines.processes();
    if (running.length === 0) return;
    const victim = random.pick(running);
    const master = running.find(({ core }) => core.role === 'master') ?? victim;
    switch (fault) {
      case 'crash':
        this.machines.crash(victim);
        return;
      case 'crash-master':
        this.machines.crash(master);
        return;
      case 'crash-all':
        if (random.chance(0.8)) return; // rarer: it interrupts everything else
        for (const process of running) this.machines.crash(process);
        return;
      case 'fsync-failure':
        // The instance stops; what the disk has of the write is unknown.
        this.machines.crash(victim);
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
        const other = random.pick(this.machines.slots).number;
        const pair = [master.slot, other];
        if (random.chance(0.5)) this.planBounces(running.filter(({ slot }) => !pair.includes(slot)));
        this.partition((_, __, from, to) => pair.includes(from) && pair.includes(to), false);
        return;
      }
      case 'bounce':
        this.machines.bounce(victim);
        return;
      case 'isolate-master':
        this.partition((_, __, from, to) => from === master.slot || to === master.slot, random.chance(0.3));
        return;
      case 'slow-disk':
        this.world.diskSlowness = 20;
        timeline.after(random.between(100, 1_000), () => {
          this.world.diskSlowness = 1;
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
      case 'remove': {
        const { voters, learners } = master.core.membership.membership;
        const member = random.pick([...voters, ...learners]);
        // As with `wipe`: those that would be left must not lack a quorum for good.
        const left = voters.filter((id) => id !== member);
        const gone = left.filter((id) => this.machines.lost.has(id)).length;
        if (gone > Math.floor((left.length - 1) / 2)) return;
        this.trace(`remove ${member}`);
        master.take({ type: 'remove', member });
        return;
      }
    }
  }

  private partition(cut: (sideA: boolean, sideB: boolean, from: number, to: number) => boolean, oneWay: boolean): void {
    const { network } = this;
    const { random } = this.world;
    this.mendings++;
    const mending = this.mendings;
    network.mend();
    const sides = this.machines.slots.map(() => random.chance(0.5));
    for (const a of this.machines.slots) {
      for (const b of this.machines.slots) {
        if (a === b || !cut(sides[a.number], sides[b.number], a.number, b.number)) continue;
        if (oneWay && a.number > b.number) continue;
        network.cutLink(a.number, b.number);
      }
    }
    this.trace(`partition ${sides.map((side) => (side ? 'a' : 'b')).join('')}${oneWay ? ' one way' : ''}`);
    this.world.timeline.after(random.between(100, 2_000), () => {
      if (mending === this.mendings) network.mend();
    });
  }

  /** Those who hear both sides of a cut link forget, again and again, what they knew and promised. */
  private planBounces(witnesses: Member[]): void {
    for (const { slot } of [...witnesses, ...witnesses, ...witnesses]) {
      this.world.timeline.after(this.world.random.between(300, 1_000), () => {
        const { process } = this.machines.slots[slot];
        if (process !== null && !this.over) this.machines.bounce(process);
      });
    }
  }

  /** A disk is lost, unless that would leave some membership without a quorum for ever. */
  private wipe(process: Member): void {
    const memberships = this.machines.slots.map(
      (slot) => slot.process?.core.membership.membership ?? slot.disk.membership,
    );
    // A learner may be promoted, in the belief that it lives, up to a moment after its loss.
    const bearable = ({ voters, learners }: Membership) => {
      const gone = [...voters, ...learners].filter((id) => id === process.member || this.machines.lost.has(id)).length;
      const size = voters.length + (learners.includes(process.member) ? 1 : 0);
      return gone <= Math.floor((size - 1) / 2);
    };
    const concerned = memberships.filter((membership) => isMember(membership, process.member));
    if (!concerned.every(bearable)) return;
    const slot = this.machines.slots[process.slot];
    this.machines.crash(process);
    if (this.wipedKeepsIdentity) {
      const { boot } = slot.disk;
      slot.disk = new Disk(process.member, slot.disk.base.membership);
      slot.disk.boot = boot;
    } else this.machines.lose(slot);
  }

  /** Someone starts a second instance from a copy of a running one's data folder. */
  private copy(original: Member): void {
    if (this.machines.full || this.machines.slots.some(({ process }) => process?.paused)) return;
    // The others must have had time to hear the original.
    if (this.world.timeline.now < original.startedAt + 1_000) return;
    // The only voter has no one to vouch for it but its own keepalives: they must come through.
    const alone = original.core.membership.membership.voters.length === 1;
    const { ordered, loss, strays } = this.world.scenario.network;
    if (alone && !ordered && loss + strays > 0.01) return;
    this.network.mend();
    const disk = this.machines.slots[original.slot].disk.copy();
    const slot = this.machines.add(disk);
    this.machines.start(slot);
    const copy = slot.process;
    this.world.timeline.after(COPY_MS, () => {
      if (original.running && slot.process === copy && copy !== null)
        this.world.checker.fail('duplicate', `${original.member} runs twice`);
    });
  }
}
