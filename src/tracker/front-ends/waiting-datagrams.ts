import { ENDPOINT_USED_WORDS, ENDPOINT_WORDS, type IpFamily } from '../../net/datagram-slots.ts';
import type { Announce } from '../announce.ts';

/** Announces whose replies wait for a group of the log, in columns: what is needed to answer them later. */
export class WaitingDatagrams {
  count = 0;
  readonly transactions = new Int32Array(CAPACITY);
  readonly endpoints = new Int32Array(CAPACITY * ENDPOINT_WORDS);
  readonly #hashes = new Int32Array(CAPACITY * HASH_WORDS);
  readonly #addresses: Uint16Array;
  readonly #addressWords: number;
  readonly #endpointWords: number;
  readonly #events = new Uint8Array(CAPACITY);
  readonly #left = new Float64Array(CAPACITY);
  readonly #numWant = new Int32Array(CAPACITY);

  constructor(family: IpFamily) {
    this.#addressWords = family === 4 ? 3 : 9;
    this.#endpointWords = ENDPOINT_USED_WORDS[family];
    this.#addresses = new Uint16Array(CAPACITY * this.#addressWords);
  }

  /** False when there is no room: the announce is logged all the same, its sender asks again and gets its answer then. */
  keep(announce: Announce, transaction: number, endpoints: Int32Array, endpoint: number): boolean {
    const at = this.count;
    if (at === CAPACITY) return false;
    this.count = at + 1;
    this.transactions[at] = transaction;
    for (let word = 0; word < this.#endpointWords; word++) {
      this.endpoints[at * ENDPOINT_WORDS + word] = endpoints[endpoint + word];
    }
    for (let word = 0; word < HASH_WORDS; word++) this.#hashes[at * HASH_WORDS + word] = announce.infoHashWords[word];
    for (let word = 0; word < this.#addressWords; word++) {
      this.#addresses[at * this.#addressWords + word] = announce.addressWords[word];
    }
    this.#events[at] = announce.event;
    this.#left[at] = announce.left;
    this.#numWant[at] = announce.numWant;
    return true;
  }

  /** Fills the announce with what was kept at `at`. */
  restore(at: number, announce: Announce): void {
    for (let word = 0; word < HASH_WORDS; word++) announce.infoHashWords[word] = this.#hashes[at * HASH_WORDS + word];
    for (let word = 0; word < this.#addressWords; word++) {
      announce.addressWords[word] = this.#addresses[at * this.#addressWords + word];
    }
    announce.event = this.#events[at];
    announce.left = this.#left[at];
    announce.numWant = this.#numWant[at];
  }

  clear(): void {
    this.count = 0;
  }
}

const HASH_WORDS = 5;
/** A batch holds about 7,000 announces; what waits for one is bounded by this. */
const CAPACITY = 4096;
