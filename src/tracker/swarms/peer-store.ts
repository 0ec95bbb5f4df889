import { RegionAllocator, SMALLEST_ORDER } from './region-allocator.ts';
import { COUNT, FIELDS_4, FIELDS_6, OLDEST, ORDERS, RECORD_WORDS, SEEDERS, START } from './swarm-record.ts';

/**
 * The peers of all swarms, of one address family: compact addresses as they go over the wire, in typed arrays, no
 * object per peer. The peers of a swarm stand together in one region, its seeders before its leechers, so that an
 * answer is a copy of neighbours.
 *
 * A peer is named by its swarm and its slot there (0 to count - 1). Adding, removing and changing sides moves at most
 * two other peers of the swarm; slots are valid until the next change of the swarm.
 *
 * Addresses are passed as 16-bit words of a larger array, at a word offset, and kept as memory has them.
 */
export class PeerStore {
  /** Words of an address: IPv4 or IPv6, then the port. */
  readonly stride: 3 | 9;
  readonly words: Uint16Array;
  /** The same in bytes. */
  readonly bytes: Uint8Array;
  /** When each was last seen: seconds of cluster time. */
  readonly seen: Int32Array;
  /** What `touchRegion` read: it means nothing, but reads without a use would be optimised away. */
  touched = 0;
  /** Peers in all swarms. */
  peers = 0;
  /** Seeders in all swarms. */
  allSeeders = 0;

  /** The records of the swarms, and where this family's fields stand in them. */
  readonly #records: Int32Array;
  readonly #fields: number;
  /** Where this family's order stands in the word of both. */
  readonly #orderShift: number;
  readonly #regions: RegionAllocator;
  /** Where the peers of large swarms stand; small swarms are scanned. */
  readonly #indexes: (SlotIndex | undefined)[] = [];

  /** Takes address space for all of it, memory only as it is touched. */
  constructor(stride: 3 | 9, maxPeers: number, records: Int32Array) {
    this.stride = stride;
    this.#records = records;
    this.#fields = stride === 3 ? FIELDS_4 : FIELDS_6;
    this.#orderShift = stride === 3 ? 0 : 8;
    this.words = new Uint16Array(maxPeers * stride);
    this.bytes = new Uint8Array(this.words.buffer);
    this.seen = new Int32Array(maxPeers);
    this.#regions = new RegionAllocator(maxPeers);
  }

  /** First position of the swarm's region. */
  startOf(swarm: number): number {
    return this.#records[swarm * RECORD_WORDS + this.#fields + START];
  }

  /** Peers of the swarm. */
  countOf(swarm: number): number {
    return this.#records[swarm * RECORD_WORDS + this.#fields + COUNT];
  }

  /** How many of them are seeders; those stand first. */
  seedersOf(swarm: number): number {
    return this.#records[swarm * RECORD_WORDS + this.#fields + SEEDERS];
  }

  /** Reads from the cache lines that `find` and an answer will need. */
  touchRegion(swarm: number): void {
    const { words, stride } = this;
    const start = this.startOf(swarm) * stride;
    const end = start + Math.min(this.countOf(swarm), SCANNED_PEERS) * stride;
    let sum = 0;
    for (let word = start; word < end; word += WORDS_OF_A_CACHE_LINE) sum ^= words[word];
    this.touched ^= sum;
  }

  /** The slot of the peer with this address, or -1. */
  find(swarm: number, words: Uint16Array, at: number): number {
    const index = this.#indexes[swarm];
    if (index !== undefined) return index.find(words, at);
    const count = this.countOf(swarm);
    return this.stride === 3 ? this.#scan3(swarm, count, words, at) : this.#scan9(swarm, count, words, at);
  }

  /** Adds a peer that is not there. False when there is no room. */
  add(swarm: number, words: Uint16Array, at: number, seeder: boolean, seen: number): boolean {
    const count = this.countOf(swarm);
    if (!this.#makeRoom(swarm, count + 1)) return false;
    const start = this.startOf(swarm);
    const { stride } = this;
    let slot = count;
    if (seeder) {
      // The first leecher makes place at the end.
      slot = this.seedersOf(swarm);
      this.#addSeeders(swarm, 1);
      this.#move(swarm, slot, count);
    }
    const to = (start + slot) * stride;
    for (let word = 0; word < stride; word++) this.words[to + word] = words[at + word];
    this.seen[start + slot] = seen;
    const oldest = swarm * RECORD_WORDS + OLDEST;
    if (seen < this.#records[oldest]) this.#records[oldest] = seen;
    this.#setCount(swarm, count + 1);
    this.peers++;
    const index = this.#indexes[swarm];
    if (index !== undefined) index.add(slot);
    else if (count + 1 > SCANNED_PEERS) this.#indexes[swarm] = new SlotIndex(this, swarm);
    return true;
  }

  remove(swarm: number, slot: number): void {
    this.#indexes[swarm]?.remove(slot);
    let hole = slot;
    const last = this.countOf(swarm) - 1;
    if (hole < this.seedersOf(swarm)) {
      this.#addSeeders(swarm, -1);
      const lastSeeder = this.seedersOf(swarm);
      this.#move(swarm, lastSeeder, hole);
      hole = lastSeeder;
    }
    this.#move(swarm, last, hole);
    this.#setCount(swarm, last);
    this.peers--;
    this.#giveBack(swarm, last);
  }

  /** Forgets all peers, of swarms that are forgotten with them; the memory stays for what comes next. */
  clear(): void {
    this.#regions.clear();
    this.#indexes.length = 0;
    this.peers = 0;
    this.allSeeders = 0;
  }

  /** Copies the addresses of `count` slots from `slot` on. */
  copy(swarm: number, slot: number, count: number, out: Uint16Array, to: number): void {
    const { words, stride } = this;
    const from = (this.startOf(swarm) + slot) * stride;
    const length = count * stride;
    for (let word = 0; word < length; word++) out[to + word] = words[from + word];
  }

  isSeeder(swarm: number, slot: number): boolean {
    return slot < this.seedersOf(swarm);
  }

  /** Puts the peer on the other side; returns its new slot. */
  changeSides(swarm: number, slot: number): number {
    const toSeeder = slot >= this.seedersOf(swarm);
    const border = toSeeder ? this.seedersOf(swarm) : this.seedersOf(swarm) - 1;
    this.#addSeeders(swarm, toSeeder ? 1 : -1);
    this.#swap(swarm, slot, border);
    return border;
  }

  #setCount(swarm: number, count: number): void {
    this.#records[swarm * RECORD_WORDS + this.#fields + COUNT] = count;
  }

  #addSeeders(swarm: number, change: 1 | -1): void {
    this.#records[swarm * RECORD_WORDS + this.#fields + SEEDERS] += change;
    this.allSeeders += change;
  }

  #orderOf(swarm: number): number {
    return (this.#records[swarm * RECORD_WORDS + ORDERS] >>> this.#orderShift) & 0xff;
  }

  #setOrder(swarm: number, order: number): void {
    const at = swarm * RECORD_WORDS + ORDERS;
    this.#records[at] = (this.#records[at] & ~(0xff << this.#orderShift)) | (order << this.#orderShift);
  }

  #makeRoom(swarm: number, count: number): boolean {
    const order = this.#orderOf(swarm);
    if (order !== 0 && count <= 1 << order) return true;
    const wanted = RegionAllocator.orderFor(count);
    const start = this.#regions.allocate(wanted);
    if (start < 0) return false;
    this.#relocate(swarm, start, wanted);
    return true;
  }

  /** A region four times too large is changed for a smaller one, an empty one given back. */
  #giveBack(swarm: number, count: number): void {
    const order = this.#orderOf(swarm);
    if (count === 0) {
      this.#regions.free(this.startOf(swarm), order);
      this.#setOrder(swarm, 0);
      this.#indexes[swarm] = undefined;
    } else if (order > SMALLEST_ORDER + 1 && count <= 1 << (order - 2)) {
      const start = this.#regions.allocate(order - 1);
      if (start >= 0) this.#relocate(swarm, start, order - 1);
      if (count <= SCANNED_PEERS / 2) this.#indexes[swarm] = undefined;
    }
  }

  #relocate(swarm: number, start: number, order: number): void {
    const from = this.startOf(swarm);
    const count = this.countOf(swarm);
    this.words.copyWithin(start * this.stride, from * this.stride, (from + count) * this.stride);
    this.seen.copyWithin(start, from, from + count);
    if (this.#orderOf(swarm) !== 0) this.#regions.free(from, this.#orderOf(swarm));
    this.#records[swarm * RECORD_WORDS + this.#fields + START] = start;
    this.#setOrder(swarm, order);
  }

  #move(swarm: number, from: number, to: number): void {
    if (from === to || from >= this.countOf(swarm)) return;
    this.#indexes[swarm]?.move(from, to);
    const start = this.startOf(swarm);
    const { stride } = this;
    const source = (start + from) * stride;
    const target = (start + to) * stride;
    for (let word = 0; word < stride; word++) this.words[target + word] = this.words[source + word];
    this.seen[start + to] = this.seen[start + from];
  }

  #swap(swarm: number, a: number, b: number): void {
    if (a === b) return;
    this.#indexes[swarm]?.swap(a, b);
    const start = this.startOf(swarm);
    const { stride, words, seen } = this;
    for (let word = 0; word < stride; word++) {
      const one = (start + a) * stride + word;
      const other = (start + b) * stride + word;
      const kept = words[one];
      words[one] = words[other];
      words[other] = kept;
    }
    const kept = seen[start + a];
    seen[start + a] = seen[start + b];
    seen[start + b] = kept;
  }

  #scan3(swarm: number, count: number, words: Uint16Array, at: number): number {
    const own = this.words;
    const first = this.startOf(swarm) * 3;
    const end = first + count * 3;
    const high = words[at];
    const low = words[at + 1];
    const port = words[at + 2];
    // The port differs most between neighbours: it is compared first.
    for (let p = first; p < end; p += 3) {
      if (own[p + 2] === port && own[p + 1] === low && own[p] === high) return (p - first) / 3;
    }
    return -1;
  }

  #scan9(swarm: number, count: number, words: Uint16Array, at: number): number {
    const start = this.startOf(swarm);
    for (let slot = 0; slot < count; slot++) if (this.equals(start + slot, words, at)) return slot;
    return -1;
  }

  /** Whether the peer at this position of the arena has this address. */
  equals(position: number, words: Uint16Array, at: number): boolean {
    const own = this.words;
    const from = position * this.stride;
    for (let word = this.stride - 1; word >= 0; word--) if (own[from + word] !== words[at + word]) return false;
    return true;
  }
}

const WORDS_OF_A_CACHE_LINE = 32;

/** Swarms up to this size are scanned: neighbours in memory are faster than a hash. */
export const SCANNED_PEERS = 64;

/** Where the peers of one large swarm stand: open addressing, slot + 1 an entry, at most half full. */
class SlotIndex {
  readonly #store: PeerStore;
  readonly #swarm: number;
  #entries: Int32Array;
  #used = 0;

  constructor(store: PeerStore, swarm: number) {
    this.#store = store;
    this.#swarm = swarm;
    const count = store.countOf(swarm);
    this.#entries = new Int32Array(2 ** RegionAllocator.orderFor(count * 4));
    for (let slot = 0; slot < count; slot++) this.add(slot);
  }

  find(words: Uint16Array, at: number): number {
    const mask = this.#entries.length - 1;
    const start = this.#store.startOf(this.#swarm);
    for (let place = this.#hash(words, at) & mask; ; place = (place + 1) & mask) {
      const slot = this.#entries[place] - 1;
      if (slot < 0) return -1;
      if (this.#store.equals(start + slot, words, at)) return slot;
    }
  }

  /** Enters the peer that stands in the slot. */
  add(slot: number): void {
    if ((this.#used + 1) * 2 > this.#entries.length) this.#grow();
    this.#used++;
    this.#enter(slot);
  }

  /** Takes out the peer that stands in the slot. */
  remove(slot: number): void {
    const mask = this.#entries.length - 1;
    let hole = this.#placeOf(slot);
    for (let place = (hole + 1) & mask; this.#entries[place] !== 0; place = (place + 1) & mask) {
      const home = this.#hashOfSlot(this.#entries[place] - 1) & mask;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      this.#entries[hole] = this.#entries[place];
      hole = place;
    }
    this.#entries[hole] = 0;
    this.#used--;
  }

  /** The peer in `from` is about to be copied to `to`, whose own peer was taken out or is entered elsewhere. */
  move(from: number, to: number): void {
    this.#entries[this.#placeOf(from)] = to + 1;
  }

  /** The peers in both slots are about to change places. */
  swap(a: number, b: number): void {
    const placeOfA = this.#placeOf(a);
    const placeOfB = this.#placeOf(b);
    this.#entries[placeOfA] = b + 1;
    this.#entries[placeOfB] = a + 1;
  }

  #placeOf(slot: number): number {
    const mask = this.#entries.length - 1;
    let place = this.#hashOfSlot(slot) & mask;
    while (this.#entries[place] !== slot + 1) place = (place + 1) & mask;
    return place;
  }

  #grow(): void {
    const old = this.#entries;
    this.#entries = new Int32Array(old.length * 2);
    for (const entry of old) if (entry !== 0) this.#enter(entry - 1);
  }

  #enter(slot: number): void {
    const mask = this.#entries.length - 1;
    let place = this.#hashOfSlot(slot) & mask;
    while (this.#entries[place] !== 0) place = (place + 1) & mask;
    this.#entries[place] = slot + 1;
  }

  #hashOfSlot(slot: number): number {
    const store = this.#store;
    return this.#hash(store.words, (store.startOf(this.#swarm) + slot) * store.stride);
  }

  #hash(words: Uint16Array, at: number): number {
    let hash = HASH_SEED;
    for (let word = 0; word < this.#store.stride; word++) {
      hash = Math.imul(hash ^ words[at + word], 0x85ebca77);
      hash ^= hash >>> 13;
    }
    return hash ^ (hash >>> 16);
  }
}

/** Drawn anew by each process: peers choose their ports. */
const HASH_SEED = (Math.random() * 2 ** 32) | 0;
