/**
 * Numbers info-hashes: each one that is added gets a small number (its id) until it is removed and the number is
 * given to another. An id names a record of words, which opens with the info-hash; what follows is the owner's, and
 * stands beside it so that one look-up costs one cache line.
 *
 * Open addressing with linear probing, in 256 shards that grow one by one: rehashing a 256th of a million entries
 * is no pause that anybody notices. The hash is keyed at random, because strangers choose the info-hashes.
 *
 * Info-hashes are passed as five 32-bit words of a larger array, at a word offset, and kept as memory has them.
 */
export class InfoHashIndex {
  readonly capacity: number;
  /** Words of a record. */
  readonly stride: number;
  /** The records. Those of free ids are stale. Address space for all of `capacity`, memory only as touched. */
  readonly records: Int32Array;
  /** The same in bytes. */
  readonly bytes: Uint8Array;
  readonly #shards: Int32Array[];
  readonly #fill = new Int32Array(SHARDS);
  /** 1 where the id is in use. */
  readonly #used: Uint8Array;
  /** Ids that were removed, to be taken first. */
  readonly #free: number[] = [];
  /** Ids below were given out at least once. */
  #next = 0;
  readonly #seed0: number;
  readonly #seed1: number;

  /**
   * @param stride words of a record, at least HASH_WORDS
   * @param seeds two random 32-bit numbers
   */
  constructor(capacity: number, stride: number, seeds: readonly [number, number] = [randomWord(), randomWord()]) {
    this.capacity = capacity;
    this.stride = stride;
    this.records = new Int32Array(capacity * stride);
    this.bytes = new Uint8Array(this.records.buffer);
    this.#used = new Uint8Array(capacity);
    this.#shards = Array.from({ length: SHARDS }, () => new Int32Array(FIRST_SHARD_SLOTS));
    this.#seed0 = seeds[0] | 0;
    this.#seed1 = seeds[1] | 0;
  }

  get size(): number {
    return this.#next - this.#free.length;
  }

  /** All ids are below. */
  get limit(): number {
    return this.#next;
  }

  /** Whether the id is in use. */
  has(id: number): boolean {
    return this.#used[id] === 1;
  }

  /** The id of an info-hash, or -1. */
  find(words: Int32Array, at: number): number {
    const hash = this.#hash(words, at);
    const shard = this.#shards[hash >>> SHARD_SHIFT];
    const mask = shard.length - 1;
    const { records, stride } = this;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = shard[slot] - 1;
      if (id < 0) return -1;
      const key = id * stride;
      if (
        records[key] === words[at] &&
        records[key + 1] === words[at + 1] &&
        records[key + 2] === words[at + 2] &&
        records[key + 3] === words[at + 3] &&
        records[key + 4] === words[at + 4]
      ) {
        return id;
      }
    }
  }

  /** Gives an info-hash that is not there yet an id; -1 when all are taken. */
  add(words: Int32Array, at: number): number {
    const id = this.#free.pop() ?? (this.#next < this.capacity ? this.#next++ : -1);
    if (id < 0) return -1;
    this.#used[id] = 1;
    for (let word = 0; word < HASH_WORDS; word++) this.records[id * this.stride + word] = words[at + word];
    const hash = this.#hash(words, at);
    const number = hash >>> SHARD_SHIFT;
    if (this.#fill[number] * 4 >= this.#shards[number].length * 3) this.#grow(number);
    place(this.#shards[number], hash, id);
    this.#fill[number]++;
    return id;
  }

  remove(id: number): void {
    const hash = this.#hash(this.records, id * this.stride);
    const number = hash >>> SHARD_SHIFT;
    const shard = this.#shards[number];
    const mask = shard.length - 1;
    let hole = hash & mask;
    while (shard[hole] !== id + 1) hole = (hole + 1) & mask;
    // Entries behind the hole move up into it unless that would put them before their own place.
    for (let slot = (hole + 1) & mask; shard[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#hash(this.records, (shard[slot] - 1) * this.stride) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      shard[hole] = shard[slot];
      hole = slot;
    }
    shard[hole] = 0;
    this.#fill[number]--;
    this.#used[id] = 0;
    this.#free.push(id);
  }

  /** Gives all ids back; the memory stays for what comes next. */
  clear(): void {
    for (const shard of this.#shards) shard.fill(0);
    this.#fill.fill(0);
    this.#used.fill(0, 0, this.#next);
    this.#free.length = 0;
    this.#next = 0;
  }

  #grow(number: number): void {
    const old = this.#shards[number];
    const shard = new Int32Array(old.length * 2);
    for (const entry of old) {
      if (entry !== 0) place(shard, this.#hash(this.records, (entry - 1) * this.stride), entry - 1);
    }
    this.#shards[number] = shard;
  }

  #hash(words: Int32Array, at: number): number {
    let hash = Math.imul(words[at] ^ this.#seed0, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ words[at + 1] ^ this.#seed1, 0x85ebca77);
    hash = Math.imul(hash ^ (hash >>> 13) ^ words[at + 2], 0xc2b2ae3d);
    return hash ^ (hash >>> 16);
  }
}

/** Words of an info-hash. */
export const HASH_WORDS = 5;

const SHARDS = 256;
const SHARD_SHIFT = 24;
const FIRST_SHARD_SLOTS = 16;

function place(shard: Int32Array, hash: number, id: number): void {
  const mask = shard.length - 1;
  let slot = hash & mask;
  while (shard[slot] !== 0) slot = (slot + 1) & mask;
  shard[slot] = id + 1;
}

function randomWord(): number {
  return Math.floor(Math.random() * 2 ** 32);
}
