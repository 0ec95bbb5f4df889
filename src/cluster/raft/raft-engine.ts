import { encodeMessage } from '../consensus/codec.ts';
import { DEFAULT_LIMITS, DEFAULT_TIMING } from '../consensus/config.ts';
import { Core } from '../consensus/core.ts';
import type { Effect, Persist } from '../consensus/effects.ts';
import type { Entry } from '../consensus/entry.ts';
import type { Event } from '../consensus/events.ts';
import type { ClusterId } from '../consensus/identity.ts';
import { isMember, isVoter, type Membership, NO_MEMBERS } from '../consensus/membership.ts';
import { discard } from '../discard.ts';
import { ANSWER_FOREVER, type Refusal } from '../log-messages.ts';
import type { LogEngine, LogServer, Proposal, RestoredSnapshot } from '../log-server.ts';
import { MAX_MESSAGES_QUEUED_BYTES } from '../message-flow.ts';
import { type ClusterStatus, LogFailedError, type MemberId } from '../replicated-log.ts';
import type { LogEntry } from '../storage/log-entry.ts';
import type { Identity } from '../storage/log-store.ts';
import { type MemberTransport, type Peer, refusedCount } from '../transport/member-transport.ts';
import { ClientRequests } from './client-requests.ts';
import { Founding, ownCluster } from './founding.ts';
import { clusterStatus } from './member-status.ts';
import { MemberWatch } from './member-watch.ts';
import { KIND_CLIENT, KIND_CONSENSUS } from './message-kinds.ts';
import type { RaftDisk } from './raft-disk.ts';
import { Removals } from './removals.ts';
import type { SnapshotFiles } from './snapshot-files.ts';
import { SnapshotTransfers } from './snapshot-transfers.ts';
import { formatMembership, parseMembership, toChange, toStored } from './stored-entry.ts';

export interface RaftEngineOptions {
  readonly cluster: string;
  readonly name: string;
  readonly clientPort: number;
  readonly expect: number;
  readonly keepLogBytes?: number;
  readonly replaceAfterMs?: number;
  readonly disk: RaftDisk;
  readonly snapshots: SnapshotFiles;
  readonly transport: MemberTransport;
  readonly warn: (message: string) => void;
  /** Called once, when others depend on this member: it has a vote. */
  readonly onVoter: () => void;
}

/**
 * The host of one consensus core: hands it time, messages, proposals and what the disk has done, and performs its effects.
 *
 * Invariants:
 * - One step at a time, its effects in their order; the shared lease is set before anything of that step leaves.
 * - What clients are handed is committed and on this disk.
 * - After a failure of disk or core nothing is sent or acknowledged any more.
 */
export class RaftEngine implements LogEngine {
  readonly identity: Identity;
  readonly #options: RaftEngineOptions;
  readonly #members: MemberWatch;
  readonly #founding: Founding;
  readonly #transfers: SnapshotTransfers;
  readonly #removals = new Removals();
  /** Entries up to here were on the disk when this run began, and are still in the log. */
  #storedTo: number;
  /** Set by `start`. */
  #server!: LogServer;
  #requests!: ClientRequests;
  #cluster: ClusterId | undefined;
  #core: Core | undefined;
  #clientPort: number;
  #ticker: NodeJS.Timeout | undefined;
  #tickedAt = 0;
  #statusAt = 0;
  #contactsAt = 0;
  #statusChanged = false;
  #votes = false;
  #over = false;

  constructor(options: RaftEngineOptions) {
    this.#options = options;
    const { disk, transport, expect } = options;
    this.identity = disk.content.identity;
    this.#storedTo = disk.content.lastIndex;
    this.#clientPort = options.clientPort;
    this.#members = new MemberWatch({
      transport,
      describe: () => this.#keepalive(),
      onEvent: (event) => this.#step(event),
      onChange: () => {
        this.#statusChanged = true;
      },
      onGenesis: (from, body) => this.#founding.message(from, body),
      onClientMessage: (from, body) => this.#hand(from, body),
      warn: options.warn,
    });
    this.#founding = new Founding({
      disk,
      transport,
      expect,
      now,
      onCluster: (cluster, membership) => this.#begin(cluster, parseMembership(membership)),
      onRenewed: () =>
        this.#fail(
          new LogFailedError(
            'the instance that was founding the cluster has gone; this one has a new identity now: start it again',
          ),
        ),
    });
    this.#transfers = new SnapshotTransfers({
      files: options.snapshots,
      make: (path) => this.#server.takeSnapshot(path),
      step: (event) => this.#step(event),
      core: () => this.#core!,
      fail: (error) => this.#fail(error),
      warn: options.warn,
    });
  }

  /** From here on it takes part. */
  start(server: LogServer): void {
    this.#server = server;
    this.#requests = new ClientRequests(server);
    const { disk, transport } = this.#options;
    void disk.failed.then((error) => this.#fail(error));
    const own = ownCluster(disk.content);
    if (own !== null) transport.setCluster(own.cluster);
    this.#members.start();
    if (own !== null) this.#begin(own.cluster, parseMembership(own.membership));
    this.#tickedAt = now();
    this.#ticker = setInterval(() => this.#timer(), TICK_MS);
  }

  /** What clients reach this instance at. */
  describe(clientPort: number): void {
    this.#clientPort = clientPort;
    this.#server.setStatus(this.status());
  }

  status(): ClusterStatus {
    const core = this.#core;
    const { cluster, name, transport } = this.#options;
    const { commitIndex, role, term } = this.#keepalive();
    const { host } = transport;
    const state = this.#server?.state ?? { index: commitIndex, hash: '' };
    const self = {
      cluster,
      id: this.identity.member,
      name,
      host,
      clientPort: this.#clientPort,
      role,
      term,
      master: core?.master ?? null,
      byOrder: core?.byOrder ?? false,
      commitIndex,
      appliedIndex: state.index,
      stateHash: state.hash,
      earlierCluster: this.#cluster === undefined ? undefined : this.#members.earlierCluster(this.#cluster),
    };
    return clusterStatus(self, core?.membership.membership ?? NO_MEMBERS, this.#members.view());
  }

  propose(proposals: readonly Proposal[]): void {
    if (this.#core === undefined || this.#over) {
      this.#server.reject(proposals, { code: 'NOT_MASTER', master: undefined });
      return;
    }
    this.#step({ type: 'proposed', requests: proposals.map((proposal) => this.#requests.add(proposal)) });
  }

  transferMastership(to: MemberId | undefined): Promise<void> {
    if (this.#core?.role !== 'master' || this.#over) {
      return Promise.reject(new Error('this instance is not the master: ask the master to hand over'));
    }
    const done = this.#requests.handover();
    this.#step({ type: 'transfer', to: to ?? null });
    return done;
  }

  removeMember(member: MemberId): Promise<Refusal | undefined> {
    if (this.#core === undefined || this.#over) return Promise.resolve({ code: 'NOT_MASTER', master: undefined });
    return this.#removals.begin(member, now(), () => this.#step({ type: 'remove', member }));
  }

  send(to: MemberId, message: Uint8Array): void {
    const { transport } = this.#options;
    if (this.#over || this.#core === undefined || !isMember(this.#core.membership.membership, to)) return;
    if (transport.queuedBytes(to) + message.length > MAX_MESSAGES_QUEUED_BYTES) return;
    transport.send(to, KIND_CLIENT, message);
  }

  // The log, as the core keeps it in memory.

  get firstIndex(): number {
    return (this.#core?.log.base.index ?? this.#options.disk.content.base.index) + 1;
  }

  get lastIndex(): number {
    return this.#core?.log.durable ?? this.#options.disk.content.lastIndex;
  }

  get restored(): RestoredSnapshot | undefined {
    return this.#options.snapshots.restored;
  }

  read(from: number, maxBytes: number, maxEntries: number): LogEntry[] {
    const { log } = this.#core!;
    const entries: LogEntry[] = [];
    let bytes = 0;
    for (let index = from; index <= log.last && entries.length < maxEntries; index++) {
      const entry = toStored(log.entry(index));
      entries.push(entry);
      bytes += entry.batch.length;
      if (bytes >= maxBytes) break;
    }
    return entries;
  }

  trimTo(index: number): void {
    const { log } = this.#core!;
    const base = log.base.index;
    const batches: Uint8Array[] = [];
    for (let at = base + 1; at <= Math.min(index, log.last); at++) batches.push(log.entry(at).data);
    this.#step({ type: 'applied', index });
    // Nobody else holds them: disk, members and clients got copies.
    for (const batch of batches.slice(0, log.base.index - base)) discard(batch);
  }

  /**
   * Hands mastership over if there is somebody to take it, which settles the proposals; those whose fate is open after a
   * while are uncertain.
   */
  async finish(): Promise<void> {
    const others = (this.#core?.membership.membership.voters.length ?? 0) > 1;
    if (others && this.#core?.role === 'master' && !this.#over) {
      const late = AbortSignal.timeout(FINISH_MS);
      const timedOut = new Promise<void>((resolve) => late.addEventListener('abort', () => resolve()));
      // That nobody could take it is no reason to stay.
      await Promise.race([this.transferMastership(undefined).catch(() => {}), timedOut]);
    }
    if (!this.#over) await this.#requests.settled(FINISH_MS);
    this.#stop();
    this.#requests.abandon();
  }

  #stop(): void {
    this.#over = true;
    clearInterval(this.#ticker);
    this.#members.close();
    this.#server.answerUntil(0n);
    this.#requests.stop();
    this.#removals.stop();
  }

  /** The cluster is known: the core begins. */
  #begin(cluster: ClusterId, membership: Membership): void {
    const { disk, transport } = this.#options;
    const { keepLogBytes = DEFAULT_LIMITS.keepLogBytes, replaceAfterMs = DEFAULT_TIMING.replaceAfterMs } =
      this.#options;
    const { hardState, base } = disk.content;
    transport.setCluster(cluster);
    this.#cluster = cluster;
    this.#core = new Core({
      cluster,
      self: transport.self,
      stored: {
        hardState: { term: hardState.term, vote: hardState.vote ?? null },
        base: { index: base.index, term: base.term, membership },
        entries: disk.takeEntries(),
        // How far the tables are is their own affair: entries that they have are not handed to them again.
        applied: base.index,
      },
      now: now(),
      random: Math.random,
      limits: { keepLogBytes },
      timing: { replaceAfterMs },
    });
    this.#members.meet();
    this.#heedVote();
    this.#server.setStatus(this.status());
  }

  #heedVote(): void {
    if (this.#votes || !isVoter(this.#core!.membership.membership, this.identity.member)) return;
    this.#votes = true;
    this.#options.onVoter();
  }

  /**
   * A thread that stood still has messages to read that are older than the tick: nobody is to be judged silent, or this
   * instance a double, before they were heard.
   */
  #timer(): void {
    const stoodStill = now() - this.#tickedAt > STALL_MS;
    this.#tickedAt = now();
    if (stoodStill) setImmediate(() => this.#tick());
    else this.#tick();
  }

  #tick(): void {
    if (this.#over) return;
    this.#server.refused(refusedCount(this.#options.transport.counters));
    if (this.#core === undefined) {
      this.#founding.tick();
      return;
    }
    this.#step({ type: 'tick' });
    const at = now();
    if (at >= this.#contactsAt) {
      this.#contactsAt = at + CONTACTS_MS;
      this.#members.meet();
    }
    if (at >= this.#statusAt) this.#showStatus();
  }

  #showStatus(): void {
    this.#statusAt = now() + STATUS_MS;
    this.#statusChanged = false;
    this.#server.setStatus(this.status());
  }

  /** A message for the clients; who is on its way into this cluster, or in none, is connected too. */
  #hand(from: Peer, body: Uint8Array): void {
    if (from.cluster === this.#cluster) this.#server.message(from.incarnation.member, body);
  }

  #step(event: Event): void {
    const core = this.#core;
    if (core === undefined || this.#over) return;
    let effects: Effect[];
    try {
      effects = core.step(event, now());
    } catch (cause) {
      this.#fail(new LogFailedError(`the consensus core stopped: ${(cause as Error).message}`, { cause }));
      return;
    }
    this.#showLease(core);
    this.#perform(effects);
    this.#removals.look(core, now());
    if (this.#statusChanged) this.#showStatus();
  }

  #showLease(core: Core): void {
    const until = core.leaseUntil(now());
    if (until === Number.POSITIVE_INFINITY) this.#server.answerUntil(ANSWER_FOREVER);
    else this.#server.answerUntil(until > 0 ? BigInt(Math.floor(until * NANOSECONDS_PER_MS)) : 0n);
  }

  #perform(effects: readonly Effect[]): void {
    const applied: Entry[] = [];
    for (const effect of effects) {
      switch (effect.type) {
        case 'persist':
          this.#persist(effect);
          break;
        case 'send':
          // What cannot leave now counts as lost: the core asks again.
          this.#options.transport.send(effect.message.to, KIND_CONSENSUS, encodeMessage(effect.message));
          break;
        case 'apply':
          this.#apply(effect.entries, applied);
          break;
        case 'restore':
          this.#server.restore(this.#options.snapshots.installed(effect.meta.index));
          break;
        case 'reply':
          this.#requests.reply(effect);
          break;
        case 'role':
          // The first entry of its term: until that is applied, what earlier masters acknowledged may be missing.
          if (effect.role === 'master') this.#server.answerFrom(this.#core!.lastIndex);
          this.#statusChanged = true;
          break;
        case 'membership':
          this.#heedVote();
          this.#statusChanged = true;
          break;
        case 'read-snapshot':
          this.#transfers.read(effect);
          break;
        case 'stage-chunk':
          this.#transfers.stage(effect);
          break;
        case 'trim': {
          const { index, membership } = effect.base;
          this.#options.disk.request({ type: 'trim', index, membership: formatMembership(membership) });
          break;
        }
        case 'transfer-ended':
          this.#requests.handedOver(effect.outcome === 'handed-over');
          break;
        case 'removal':
          this.#removals.answered(effect.outcome, this.#core!.master);
          break;
        case 'halt':
          this.#fail(
            new LogFailedError(
              'another instance with this identity is running: its data folder is a copy of this one; empty one of the two',
            ),
          );
          break;
      }
    }
    this.#requests.publish(applied);
  }

  /** What was there before this run is the whole log perhaps: subscribers say where they begin, and get the rest from there. */
  #apply(entries: readonly Entry[], applied: Entry[]): void {
    const { index: first } = entries[0];
    const old = Math.min(Math.max(this.#storedTo - first + 1, 0), entries.length);
    if (old > 0) this.#server.committed(first + old - 1);
    for (let i = old; i < entries.length; i++) applied.push(entries[i]);
  }

  #persist(effect: Persist): void {
    const { seq, truncateFrom, snapshot } = effect;
    if (truncateFrom !== null) this.#storedTo = Math.min(this.#storedTo, truncateFrom - 1);
    if (snapshot?.keepLater === false) this.#storedTo = Math.min(this.#storedTo, snapshot.meta.index);
    const change = toChange(effect);
    this.#options.disk.request({ type: 'write', change }, () => this.#step({ type: 'persisted', seq }));
  }

  #fail(error: LogFailedError): void {
    if (this.#over) return;
    this.#stop();
    this.#server.fail(error);
    // Dead to the others at once, so that they elect.
    void this.#options.transport.close();
  }

  #keepalive() {
    const core = this.#core;
    const commitIndex = core?.commitIndex ?? this.#options.disk.content.base.index;
    const { index, hash } = this.#server?.state ?? { index: commitIndex, hash: '' };
    return {
      name: this.#options.name,
      clientPort: this.#clientPort,
      role: core?.role ?? ('learner' as const),
      term: core?.term ?? this.#options.disk.content.hardState.term,
      commitIndex,
      appliedIndex: index,
      stateHash: hash,
    };
  }
}

const TICK_MS = 10;
/** A tick so late says that the thread stood still. */
const STALL_MS = 5 * TICK_MS;
const NANOSECONDS_PER_MS = 1e6;
/** How often clients are told what keepalives say; roles and members they are told at once. */
const STATUS_MS = 250;
const CONTACTS_MS = DEFAULT_TIMING.askMs;
/** What stopping waits for at most, twice: that proposals settle, and that mastership is taken. */
const FINISH_MS = 1_000;

/** The clock of the process, ms: the same in all its threads, so that the lease means the same to all. */
function now(): number {
  return Number(process.hrtime.bigint()) / NANOSECONDS_PER_MS;
}
