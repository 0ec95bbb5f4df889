import type { Concerns } from '../src/cluster/consensus/concerns.ts';
import { Core } from '../src/cluster/consensus/core.ts';
import type { Effect, Persist } from '../src/cluster/consensus/effects.ts';
import type { Event } from '../src/cluster/consensus/events.ts';
import type { ClusterId, MemberId } from '../src/cluster/consensus/identity.ts';
import type { Message } from '../src/cluster/consensus/messages.ts';
import type { Checker, Observed } from './checker.ts';
import type { Disk } from './disk.ts';
import type { Scenario } from './faults.ts';
import type { Random } from './random.ts';
import { applyEntry, decodeSnapshot, encodeSnapshot, snapshotMeta, type Tables } from './state-machine.ts';
import type { Timeline } from './timeline.ts';

/** What a member needs from the world around it. */
export interface World {
  readonly cluster: ClusterId;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly scenario: Scenario;
  readonly checker: Checker;
  readonly concerns: Partial<Concerns>;
  /** Called after every step; the invariants over all members are checked here. */
  afterStep(member: Member, event: Event): void;
  send(from: Member, message: Message): void;
  halted(member: Member): void;
  /** Multiplier of disk latency at the moment. */
  diskSlowness: number;
}

const TICK_MS = 10;
const CHUNK_BYTES = 64;

/** One process: the real core, and a host that performs its effects on the simulated disk and network. */
export class Member implements Observed {
  readonly core: Core;
  readonly disk: Disk;
  readonly slot: number;
  readonly label: string;
  readonly boot: number;
  readonly nonce: number;
  /** Virtual time. */
  readonly startedAt: number;
  tables: Tables;
  running = true;
  /** Events that wait while the process is stopped (SIGSTOP); null: it runs. */
  private stopped: Event[] | null = null;
  /** The persist under way. */
  private writing: Persist | null = null;
  private readonly snapshots = new Map<number, { tables: Tables; bytes: Uint8Array }>();
  /** Whose proposal each request is. */
  private readonly requests = new Map<number, number>();
  private nextRequest = 1;
  private readonly world: World;
  private readonly rate: number;
  private readonly clockOffset: number;

  constructor(world: World, slot: number, disk: Disk, rate: number) {
    this.world = world;
    this.slot = slot;
    this.disk = disk;
    this.rate = rate;
    this.startedAt = world.timeline.now;
    // Durable before the core is made.
    disk.boot++;
    this.boot = disk.boot;
    this.nonce = world.random.integer(0, 2 ** 31);
    this.clockOffset = world.random.between(0, 1e6);
    this.label = `${disk.member}.${disk.boot}@${slot}`;
    this.tables = disk.tables;
    const { scenario } = world;
    this.core = new Core({
      cluster: world.cluster,
      self: { member: disk.member, boot: this.boot, nonce: this.nonce },
      stored: disk.stored(),
      now: this.clock(),
      random: world.random.next,
      timing: { replaceAfterMs: scenario.replaceAfterMs, evenVotersMs: 2_000 },
      limits: {
        keepLogBytes: scenario.keepLogBytes,
        snapshotChunkBytes: CHUNK_BYTES,
        messageBytes: 400,
        inflightMessages: 4,
        caughtUpEntries: 20,
        pendingProposals: 64,
      },
      concerns: world.concerns,
    });
    this.planTick();
    this.planCheckpoint();
  }

  get member(): MemberId {
    return this.disk.member;
  }

  get paused(): boolean {
    return this.stopped !== null;
  }

  readonly clock = (): number => this.clockOffset + this.world.timeline.now * this.rate;

  propose(id: number, data: Uint8Array): void {
    const requestId = this.nextRequest++;
    this.requests.set(requestId, id);
    this.take({ type: 'proposed', requests: [{ requestId, data }] });
  }

  take(event: Event): void {
    if (!this.running) return;
    if (this.stopped !== null) {
      // What a socket buffer would hold; ticks do not pile up.
      if (event.type !== 'tick' && this.stopped.length < 1_000) this.stopped.push(event);
      return;
    }
    const before = { commit: this.core.commitIndex, applied: this.core.appliedIndex };
    const effects = this.core.step(event, this.clock());
    this.world.checker.stepped(this, effects, before);
    for (const effect of effects) this.perform(effect);
    this.world.afterStep(this, event);
  }

  pause(): void {
    this.stopped ??= [];
  }

  resume(): void {
    const missed = this.stopped;
    this.stopped = null;
    if (missed === null) return;
    // The timer fires first as often as not.
    if (this.world.random.chance(0.5)) this.take({ type: 'tick' });
    for (const event of missed) this.take(event);
  }

  /** The process is gone; of the write under way, the disk has what luck left. */
  crash(): void {
    this.running = false;
    if (this.writing !== null) this.disk.crash(this.writing, this.world.random);
    this.writing = null;
  }

  private perform(effect: Effect): void {
    switch (effect.type) {
      case 'persist':
        this.persist(effect);
        return;
      case 'send':
        this.world.send(this, effect.message);
        return;
      case 'apply':
        for (const entry of effect.entries) {
          this.tables = applyEntry(this.tables, entry);
          this.world.checker.applied(this);
        }
        return;
      case 'restore':
        this.tables = this.disk.tables;
        this.world.checker.applied(this);
        return;
      case 'reply': {
        const id = this.requests.get(effect.requestId);
        if (id === undefined) throw new Error(`a second answer to request ${effect.requestId}`);
        this.requests.delete(effect.requestId);
        this.world.checker.replied(id, effect);
        return;
      }
      case 'trim':
        this.disk.trim(effect.base);
        return;
      case 'read-snapshot':
        this.readSnapshot(effect);
        return;
      case 'stage-chunk':
        this.stage(effect);
        return;
      case 'halt':
        this.running = false;
        this.world.halted(this);
        return;
      case 'role':
      case 'membership':
      case 'transfer-ended':
      case 'removal':
        return;
    }
  }

  private persist(effect: Persist): void {
    if (this.writing !== null) throw new Error('a second persist while one is under way');
    this.writing = effect;
    const { random, scenario, timeline } = this.world;
    timeline.after(random.exponential(scenario.disk.delayMs) * this.world.diskSlowness, () => {
      if (this.writing !== effect) return;
      this.writing = null;
      this.disk.write(effect);
      this.take({ type: 'persisted', seq: effect.seq });
    });
  }

  private readSnapshot(effect: Effect & { type: 'read-snapshot' }): void {
    if (effect.index === null) {
      const { tables } = this;
      for (const index of this.snapshots.keys()) if (index < this.core.log.base.index) this.snapshots.delete(index);
      this.snapshots.set(tables.index, { tables, bytes: encodeSnapshot(tables) });
    }
    const snapshot = this.snapshots.get(effect.index ?? this.tables.index);
    const { to, transfer, offset } = effect;
    this.world.timeline.after(this.world.random.between(0, 5), () => {
      if (snapshot === undefined) {
        this.take({ type: 'snapshot-read', to, transfer, chunk: null });
        return;
      }
      const data = snapshot.bytes.slice(offset, offset + effect.maxBytes);
      const last = offset + data.length >= snapshot.bytes.length;
      this.take({
        type: 'snapshot-read',
        to,
        transfer,
        chunk: { meta: snapshotMeta(snapshot.tables), offset, data, last },
      });
    });
  }

  private stage({ meta, offset, data, last }: Effect & { type: 'stage-chunk' }): void {
    const { staged } = this.disk;
    const before = offset === 0 ? new Uint8Array(0) : (staged.get(meta.index) ?? new Uint8Array(0));
    if (before.length !== offset) throw new Error(`chunk at ${offset} staged after ${before.length} bytes`);
    const bytes = new Uint8Array(offset + data.length);
    bytes.set(before);
    bytes.set(data, offset);
    staged.set(meta.index, bytes);
    const next = bytes.length;
    const outcome = !last ? 'partial' : decodeSnapshot(bytes) === null ? 'corrupt' : 'complete';
    this.world.timeline.after(1, () => this.take({ type: 'chunk-staged', index: meta.index, next, outcome }));
  }

  private planTick(): void {
    const { timeline, random, scenario } = this.world;
    timeline.after(TICK_MS / this.rate + random.between(0, scenario.tickJitterMs), () => {
      if (!this.running) return;
      this.take({ type: 'tick' });
      this.planTick();
    });
  }

  /** Now and then the tables are brought to disk, and the log behind them may go. */
  private planCheckpoint(): void {
    this.world.timeline.after(this.world.random.between(100, 400), () => {
      if (!this.running) return;
      if (!this.paused && this.tables.index > this.disk.tables.index && this.tables.index <= this.core.log.durable) {
        this.disk.tables = this.tables;
        this.take({ type: 'applied', index: this.tables.index });
      }
      this.planCheckpoint();
    });
  }
}
