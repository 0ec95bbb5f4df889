import { EVENT_COMPLETED, EVENT_STARTED, EVENT_STOPPED } from '../bittorrent/bep15.ts';
import type { Announce } from './announce.ts';
import { COUNTER, type Counters } from './counters.ts';
import type { LogGroups } from './log-group.ts';
import { FLAG_COMPLETED, FLAG_IPV6, OP_ANNOUNCE, OP_TOUCH } from './operations.ts';
import type { PeerStore } from './swarms/peer-store.ts';
import { DEFAULT_LIMITS, type SwarmTableLimits } from './swarms/swarm-table.ts';
import type { TrackerState } from './tracker-state.ts';

/**
 * Answers who has which content. First `receive` decides what an announce changes: if it does, the operation goes
 * into the open group of the log and the reply waits for it. Then `locate` finds the swarm and `copyPeers` chooses
 * whom the peer should know.
 */
export class PeerInfoSender {
  /** The swarm of the announce last received or located, or -1. */
  swarm = -1;
  /** The slot of the announcing peer in it, or -1. */
  slot = -1;

  readonly #state: TrackerState;
  readonly #groups: LogGroups;
  readonly #counters: Counters;
  readonly #limits: SwarmTableLimits;
  readonly #touchAfterSeconds: number;
  readonly #tablesAreBehind: () => boolean;
  #random = 0x9e3779b9;

  constructor(options: PeerInfoSenderOptions) {
    this.#state = options.state;
    this.#groups = options.groups;
    this.#counters = options.counters;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#touchAfterSeconds = options.intervalSeconds * TOUCH_SHARE_OF_INTERVAL;
    this.#tablesAreBehind = options.tablesAreBehind;
  }

  /**
   * Takes an announce in.
   * @param now cluster time, seconds
   * @param swarm the announce's swarm, or -1, if the caller has found it already
   */
  receive(announce: Announce, now: number, swarm = this.#state.table.swarms.find(announce.infoHashWords, 0)): Verdict {
    const { table, admission } = this.#state;
    if (!admission.admits(announce.infoHashWords, 0)) {
      this.#counters[COUNTER.refusedByAdmission]++;
      return REFUSED;
    }
    const store = this.#locateIn(swarm, announce);
    const { slot } = this;
    if (announce.event === EVENT_STOPPED) {
      // Its `started` may be on its way through the log.
      return slot < 0 && this.#groups.isIdle ? ANSWER : this.#logStop(announce);
    }

    const isNew = slot < 0;
    const seeder = announce.left === 0;
    const changes = isNew || store.isSeeder(swarm, slot) !== seeder;
    const names = announce.name !== undefined && (swarm < 0 || !table.isNamed(swarm));
    if (!changes && !names) {
      const staleBefore = now - this.#touchAfterSeconds;
      const isStale = table.oldestOf(swarm) < staleBefore && store.seen[store.startOf(swarm) + slot] < staleBefore;
      if (isStale && this.#groups.hasRoom) this.#logPeer(OP_TOUCH, announce);
      return ANSWER;
    }
    if (!this.#groups.hasRoom) {
      this.#counters[COUNTER.announcesDropped]++;
      return DROP;
    }
    if (isNew && (this.#isFull(store, swarm) || this.#tablesAreBehind())) {
      this.#counters[COUNTER.refusedWhileFull]++;
      return DROP;
    }
    if (changes) this.#logPeer(OP_ANNOUNCE, announce);
    if (names) this.#groups.writer.content(announce.infoHash, 0, announce.size, announce.name as Uint8Array);
    return WAIT;
  }

  /** Finds the announce's swarm and the peer's slot there. */
  locate(announce: Announce): void {
    this.#locateIn(this.#state.table.swarms.find(announce.infoHashWords, 0), announce);
  }

  get seeders(): number {
    return this.swarm < 0 ? 0 : this.#state.table.seedersOf(this.swarm);
  }

  get leechers(): number {
    return this.swarm < 0 ? 0 : this.#state.table.leechersOf(this.swarm);
  }

  get completed(): number {
    return this.swarm < 0 ? 0 : this.#state.table.completedOf(this.swarm);
  }

  /**
   * Copies compact peers of the announce's family for it, as many as it wants: leechers for a seeder (seeders if it has just
   * started and there is no leecher), both for a leecher, never itself. Call after `receive` or `locate`.
   * @param limit most peers to copy
   * @returns peers copied
   */
  copyPeers(announce: Announce, out: Uint16Array, at: number, limit: number): number {
    if (this.swarm < 0 || announce.event === EVENT_STOPPED) return 0;
    const { table } = this.#state;
    const store = announce.family === 4 ? table.peers4 : table.peers6;
    const wanted = Math.min(announce.numWant < 0 ? DEFAULT_NUM_WANT : announce.numWant, limit);
    const seeders = store.seedersOf(this.swarm);
    const leechers = store.countOf(this.swarm) - seeders;
    if (announce.left === 0) {
      const copied = this.#copyWindow(store, seeders, leechers, wanted, out, at);
      if (copied > 0 || announce.event !== EVENT_STARTED) return copied;
      // Clients such as aria2 say so of a magnet link too, as long as they lack the metadata: they need anybody who has it.
      return this.#copyWindow(store, 0, seeders, wanted, out, at);
    }
    if (seeders + leechers <= wanted) return this.#copyWindow(store, 0, seeders + leechers, wanted, out, at);
    // Half of each, and more of the one where the other has too few.
    const fromSeeders = Math.min(seeders, Math.max(wanted >> 1, wanted - leechers));
    const copied = this.#copyWindow(store, 0, seeders, fromSeeders, out, at);
    return copied + this.#copyWindow(store, seeders, leechers, wanted - copied, out, at + copied * store.stride);
  }

  #locateIn(swarm: number, announce: Announce): PeerStore {
    const { table } = this.#state;
    const store = announce.family === 4 ? table.peers4 : table.peers6;
    this.swarm = swarm;
    this.slot = swarm < 0 ? -1 : store.find(swarm, announce.addressWords, 0);
    return store;
  }

  /** Copies `wanted` neighbours from a random place of the slots from `first` on, around the end, without the asker. */
  #copyWindow(store: PeerStore, first: number, count: number, wanted: number, out: Uint16Array, at: number): number {
    if (count === 0 || wanted <= 0) return 0;
    const { stride } = store;
    const start = this.#below(count);
    const copied = Math.min(wanted, count);
    const upToEnd = Math.min(copied, count - start);
    store.copy(this.swarm, first + start, upToEnd, out, at);
    if (upToEnd < copied) store.copy(this.swarm, first, copied - upToEnd, out, at + upToEnd * stride);

    const self = this.slot - first;
    if (self < 0 || self >= count) return copied;
    const distance = self < start ? self - start + count : self - start;
    if (distance >= copied) return copied;
    // The asker is among them: whoever comes next takes its place, or the last one where all were copied.
    const place = at + distance * stride;
    if (copied < count) {
      const next = start + copied;
      store.copy(this.swarm, first + (next < count ? next : next - count), 1, out, place);
      return copied;
    }
    out.copyWithin(place, at + (copied - 1) * stride, at + copied * stride);
    return copied - 1;
  }

  /** A random whole number below `count` (xorshift32: speed matters, secrecy does not). */
  #below(count: number): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return Math.floor((x >>> 0) * 2 ** -32 * count);
  }

  #logPeer(code: number, announce: Announce): void {
    const completed = code === OP_ANNOUNCE && announce.event === EVENT_COMPLETED ? FLAG_COMPLETED : 0;
    const flags = (announce.family === 6 ? FLAG_IPV6 : 0) | completed;
    this.#groups.writer.peer(code, flags, announce.infoHash, 0, announce.address, 0, announce.left);
    this.#counters[code === OP_TOUCH ? COUNTER.touchesLogged : COUNTER.announcesLogged]++;
  }

  #logStop(announce: Announce): Verdict {
    if (!this.#groups.hasRoom) {
      this.#counters[COUNTER.announcesDropped]++;
      return DROP;
    }
    this.#groups.writer.stop(announce.family === 6 ? FLAG_IPV6 : 0, announce.infoHash, 0, announce.address, 0);
    this.#counters[COUNTER.announcesLogged]++;
    return WAIT;
  }

  /** Room is kept for what is under way already: the limits are checked against what is applied. */
  #isFull(store: PeerStore, swarm: number): boolean {
    const { table } = this.#state;
    const limit = store === table.peers4 ? this.#limits.peers4 : this.#limits.peers6;
    return (
      store.peers + UNDER_WAY_AT_MOST >= limit ||
      (swarm < 0 && table.swarms.size + UNDER_WAY_AT_MOST >= this.#limits.swarms)
    );
  }
}

export interface PeerInfoSenderOptions {
  readonly state: TrackerState;
  readonly groups: LogGroups;
  readonly counters: Counters;
  /** Seconds between a peer's announces. */
  readonly intervalSeconds: number;
  readonly limits?: SwarmTableLimits;
  /** Whether the SQLite tables are so far behind the log that new peers have to wait. */
  readonly tablesAreBehind: () => boolean;
}

export type Verdict = typeof ANSWER | typeof WAIT | typeof DROP | typeof REFUSED;
/** Nothing changes: answer from memory. */
export const ANSWER = 0;
/** It went into the open group: answer when that is settled. */
export const WAIT = 1;
/** There is no room for it now: say nothing, the client asks again. */
export const DROP = 2;
/** The admission list does not have it. */
export const REFUSED = 3;

/** Peers for a client that does not say how many it wants. */
export const DEFAULT_NUM_WANT = 50;

/** A peer's freshness goes through the log when it is older than this share of the interval. */
const TOUCH_SHARE_OF_INTERVAL = 1 / 4;

/** More operations than all groups together can hold. */
const UNDER_WAY_AT_MOST = 1 << 15;
