/**
 * 64 bits of a part of the state that is a set of entries: the sum of their digests, kept up as entries come and go. It depends on
 * what is in the set and not on the way there; equal states have equal hashes.
 */
export class StateHash {
  #low = 0;
  #high = 0;

  /** Of several parts together: 16 hexadecimal digits. */
  static ofAll(parts: readonly StateHash[]): string {
    let low = 0;
    let high = 0;
    for (const part of parts) {
      low = (low + part.#low) | 0;
      high = (high + part.#high) | 0;
    }
    return hex(high) + hex(low);
  }

  /** Adds (sign 1) or takes away (-1) an entry's share. */
  toggle(digest: number, sign: 1 | -1): void {
    this.#low = (this.#low + sign * digest) | 0;
    this.#high = (this.#high + sign * mix(digest, 0x5bd1e995)) | 0;
  }

  /** Of the empty set again. */
  clear(): void {
    this.#low = 0;
    this.#high = 0;
  }
}

/** Where a digest begins. */
export const DIGEST_SEED = 0x811c9dc5;

/** A digest with one more 32-bit value in it: one round of MurmurHash3's 32-bit mixing. */
export function mix(digest: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const mixed = digest ^ Math.imul(k, 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
