import { HASH_WORDS, InfoHashIndex } from './info-hash-index.ts';
import { PeerStore } from './peer-store.ts';
import { DIGEST_SEED, mix, StateHash } from './state-hash.ts';
import { COMPLETED, EMPTY_SINCE, NAME_TAG, OLDEST, RECORD_WORDS } from './swarm-record.ts';

/**
 * Which peers have which content: the tracker's state in memory, changed only by what the log committed.
 *
 * Every change is a function of the state and the operation alone, so replicas that apply the same log are equal;
 * `hash` says so in 64 bits.
 */
export class SwarmTable {
  readonly swarms: InfoHashIndex;
  readonly peers4: PeerStore;
  readonly peers6: PeerStore;
  readonly hash = new StateHash();
  /** The records of the swarms (see swarm-record.ts). */
  readonly #records: Int32Array;

  constructor(limits: SwarmTableLimits = DEFAULT_LIMITS) {
    const { swarms, peers4, peers6 } = limits;
    this.swarms = new InfoHashIndex(swarms, RECORD_WORDS);
    this.#records = this.swarms.records;
    this.peers4 = new PeerStore(3, peers4 * ARENA_SLACK, this.#records);
    this.peers6 = new PeerStore(9, peers6 * ARENA_SLACK, this.#records);
  }

  /** The arrays that announces read all over. */
  get largeArrays(): readonly ArrayBufferView[] {
    const { peers4, peers6 } = this;
    return [this.#records, peers4.words, peers4.seen, peers6.words, peers6.seen];
  }

  get peers(): number {
    return this.peers4.peers + this.peers6.peers;
  }

  get seeders(): number {
    return this.peers4.allSeeders + this.peers6.allSeeders;
  }

  seedersOf(swarm: number): number {
    return this.peers4.seedersOf(swarm) + this.peers6.seedersOf(swarm);
  }

  leechersOf(swarm: number): number {
    return this.peers4.countOf(swarm) + this.peers6.countOf(swarm) - this.seedersOf(swarm);
  }

  /** Downloads completed. */
  completedOf(swarm: number): number {
    return this.#records[swarm * RECORD_WORDS + COMPLETED];
  }

  isNamed(swarm: number): boolean {
    return this.#records[swarm * RECORD_WORDS + NAME_TAG] !== 0;
  }

  /** Cluster time, seconds, at which the last peer left. */
  emptySince(swarm: number): number {
    return this.#records[swarm * RECORD_WORDS + EMPTY_SINCE];
  }

  /** `hash`, hexadecimal. */
  get stateHash(): string {
    return StateHash.ofAll([this.hash]);
  }

  /** Empties the table; its memory stays for what comes next. */
  clear(): void {
    this.swarms.clear();
    this.peers4.clear();
    this.peers6.clear();
    this.hash.clear();
  }

  /** The swarm of an info-hash (five words at `at`), made if it is not there. Throws TableFullError. */
  open(words: Int32Array, at: number, seen: number): number {
    const found = this.swarms.find(words, at);
    if (found >= 0) return found;
    const swarm = this.swarms.add(words, at);
    if (swarm < 0) throw new TableFullError('swarms');
    this.#records.fill(0, swarm * RECORD_WORDS + HASH_WORDS, (swarm + 1) * RECORD_WORDS);
    this.#records[swarm * RECORD_WORDS + EMPTY_SINCE] = seen;
    this.#records[swarm * RECORD_WORDS + OLDEST] = NEVER;
    this.#toggleSwarm(swarm, 1);
    return swarm;
  }

  /** No peer of the swarm was last seen before this; seconds of cluster time. */
  oldestOf(swarm: number): number {
    return this.#records[swarm * RECORD_WORDS + OLDEST];
  }

  /** The caller looked at all peers of the swarm: none was last seen before `oldest`. */
  setOldest(swarm: number, oldest: number): void {
    this.#records[swarm * RECORD_WORDS + OLDEST] = oldest;
  }

  /**
   * Adds the peer or brings it up to date.
   * @param completed it said so: a download is counted if it was not a seeder before
   * @param seen seconds of cluster time
   */
  announce(
    swarm: number,
    store: PeerStore,
    words: Uint16Array,
    at: number,
    seeder: boolean,
    completed: boolean,
    seen: number,
  ): void {
    const slot = store.find(swarm, words, at);
    const wasSeeder = slot >= 0 && store.isSeeder(swarm, slot);
    if (completed && seeder && !wasSeeder) this.setCompleted(swarm, this.completedOf(swarm) + 1);
    if (slot < 0) {
      if (!store.add(swarm, words, at, seeder, seen)) throw new TableFullError('peers');
      this.#togglePeer(swarm, store, words, at, seeder, seen, 1);
      return;
    }
    const position = store.startOf(swarm) + slot;
    this.#togglePeer(swarm, store, words, at, wasSeeder, store.seen[position], -1);
    store.seen[position] = seen;
    if (wasSeeder !== seeder) store.changeSides(swarm, slot);
    this.#togglePeer(swarm, store, words, at, seeder, seen, 1);
  }

  /** Freshens a peer; nothing happens if it is not there. */
  touch(swarm: number, store: PeerStore, words: Uint16Array, at: number, seen: number): void {
    const slot = store.find(swarm, words, at);
    if (slot >= 0) this.announce(swarm, store, words, at, store.isSeeder(swarm, slot), false, seen);
  }

  /** Removes a peer last seen no later than `cutoff` (seconds of cluster time); nothing happens if it is not there. */
  remove(swarm: number, store: PeerStore, words: Uint16Array, at: number, cutoff: number, now: number): void {
    const slot = store.find(swarm, words, at);
    if (slot < 0) return;
    const seen = store.seen[store.startOf(swarm) + slot];
    if (seen > cutoff) return;
    this.#togglePeer(swarm, store, words, at, store.isSeeder(swarm, slot), seen, -1);
    store.remove(swarm, slot);
    if (this.isEmpty(swarm)) this.#records[swarm * RECORD_WORDS + EMPTY_SINCE] = now;
  }

  isEmpty(swarm: number): boolean {
    return this.peers4.countOf(swarm) === 0 && this.peers6.countOf(swarm) === 0;
  }

  /** Drops a swarm without peers. */
  forget(swarm: number): void {
    if (!this.isEmpty(swarm)) return;
    this.#toggleSwarm(swarm, -1);
    this.swarms.remove(swarm);
  }

  setCompleted(swarm: number, completed: number): void {
    this.#toggleSwarm(swarm, -1);
    this.#records[swarm * RECORD_WORDS + COMPLETED] = completed;
    this.#toggleSwarm(swarm, 1);
  }

  /** Names the content, unless it has a name. */
  setName(swarm: number, tag: number): void {
    if (this.isNamed(swarm)) return;
    this.#toggleSwarm(swarm, -1);
    this.#records[swarm * RECORD_WORDS + NAME_TAG] = tag;
    this.#toggleSwarm(swarm, 1);
  }

  /** Adds (sign 1) or takes (-1) a peer's share of the state hash. */
  #togglePeer(
    swarm: number,
    store: PeerStore,
    words: Uint16Array,
    at: number,
    seeder: boolean,
    seen: number,
    sign: 1 | -1,
  ): void {
    let a = digestOfSwarm(this.#records, swarm);
    for (let word = 0; word < store.stride; word++) a = mix(a, words[at + word]);
    a = mix(a, seeder ? 1 : 2);
    a = mix(a, seen);
    this.hash.toggle(a, sign);
  }

  #toggleSwarm(swarm: number, sign: 1 | -1): void {
    const nameTag = this.#records[swarm * RECORD_WORDS + NAME_TAG];
    const a = mix(mix(digestOfSwarm(this.#records, swarm), this.completedOf(swarm)), nameTag);
    this.hash.toggle(a, sign);
  }
}

export interface SwarmTableLimits {
  readonly swarms: number;
  readonly peers4: number;
  readonly peers6: number;
}

const NEVER = 0x7fff_ffff;

/** How much a table may hold. The master admits nothing beyond, so that no replica ever runs out while applying. */
export const DEFAULT_LIMITS: SwarmTableLimits = { swarms: 4 << 20, peers4: 8 << 20, peers6: 2 << 20 };

/** Regions are up to twice what they hold, and one more stands by while a swarm moves. */
const ARENA_SLACK = 4;

/** A table has no room: the limits were not kept before the operation was logged. */
export class TableFullError extends Error {
  override readonly name = 'TableFullError';
  readonly code = 'TABLE_FULL';
  constructor(what: 'swarms' | 'peers') {
    super(`the table of ${what} is full`);
  }
}

/** Digest of a content's name and size for the state hash and for telling whether it is named; never 0. */
export function nameDigest(name: Uint8Array, at: number, bytes: number, size: number): number {
  let digest = mix(mix(bytes, size % 2 ** 32), size / 2 ** 32);
  for (let i = 0; i < bytes; i++) digest = mix(digest, name[at + i]);
  return digest || 1;
}

function digestOfSwarm(records: Int32Array, swarm: number): number {
  let digest = DIGEST_SEED;
  for (let word = 0; word < HASH_WORDS; word++) digest = mix(digest, records[swarm * RECORD_WORDS + word]);
  return digest;
}
