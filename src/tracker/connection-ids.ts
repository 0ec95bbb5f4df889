import type { IpFamily } from '../net/datagram-slots.ts';
import { SipHash } from './siphash.ts';

/**
 * Connection IDs of BEP 15: proof that a sender can receive at the address it sends from. Nothing is stored: an ID
 * is its time of issue, in the top 16 bits, and 48 bits of SipHash-2-4 over that and the address, under a key that
 * all instances of the cluster share. So it holds across instances, for VALID_SECONDS of cluster time.
 */
export class ConnectionIds {
  /** The ID last issued, as two signed words. */
  high = 0;
  low = 0;
  readonly #hash: SipHash;

  /** @param key 16 secret bytes */
  constructor(key: Uint8Array) {
    this.#hash = new SipHash(key);
  }

  /**
   * Issues an ID into `high` and `low`.
   * @param words the address: one or four 32-bit words, as memory has them, at `at`
   * @param now seconds of cluster time
   */
  issue(family: IpFamily, words: Int32Array, at: number, now: number): void {
    const time = now & 0xffff;
    this.#digest(family, words, at, time);
    this.high = (time << 16) | (this.#hash.high & 0xffff);
    this.low = this.#hash.low;
  }

  /** Whether the ID (two signed words) was issued to this address no more than VALID_SECONDS ago. */
  isValid(high: number, low: number, family: IpFamily, words: Int32Array, at: number, now: number): boolean {
    const time = high >>> 16;
    if (((now - time + MAX_AHEAD_SECONDS) & 0xffff) > MAX_AHEAD_SECONDS + VALID_SECONDS) return false;
    this.#digest(family, words, at, time);
    return low === this.#hash.low && (high & 0xffff) === (this.#hash.high & 0xffff);
  }

  #digest(family: IpFamily, words: Int32Array, at: number, time: number): void {
    const hash = this.#hash;
    hash.begin();
    if (family === 4) {
      hash.finish(time, words[at], 6);
      return;
    }
    hash.block(words[at + 1], words[at]);
    hash.block(words[at + 3], words[at + 2]);
    hash.finish(0, time, 18);
  }
}

/** BEP 15: a tracker accepts a connection ID until two minutes after it was sent. */
export const VALID_SECONDS = 120;

/**
 * IDs from the future: whoever issued them was killed before the log heard of so late a time, and cluster time went on
 * from the last batch. Nobody else can make them.
 */
export const MAX_AHEAD_SECONDS = 120;
