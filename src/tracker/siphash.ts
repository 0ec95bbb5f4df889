/**
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) in 32-bit halves, for messages of
 * a few words: the connection IDs of a tracker must be cheap to check and impossible to guess without the key.
 *
 * One object computes one hash after the other: begin, add blocks of eight bytes, finish; the result is in `high`
 * and `low`.
 */
export class SipHash {
  high = 0;
  low = 0;

  // The four 64-bit lanes of the state, as (high, low) halves.
  #v0h = 0;
  #v0l = 0;
  #v1h = 0;
  #v1l = 0;
  #v2h = 0;
  #v2l = 0;
  #v3h = 0;
  #v3l = 0;
  readonly #k0l: number;
  readonly #k0h: number;
  readonly #k1l: number;
  readonly #k1h: number;

  /** @param key 16 bytes */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, 16);
    this.#k0l = view.getInt32(0, true);
    this.#k0h = view.getInt32(4, true);
    this.#k1l = view.getInt32(8, true);
    this.#k1h = view.getInt32(12, true);
  }

  begin(): void {
    this.#v0h = this.#k0h ^ 0x736f6d65;
    this.#v0l = this.#k0l ^ 0x70736575;
    this.#v1h = this.#k1h ^ 0x646f7261;
    this.#v1l = this.#k1l ^ 0x6e646f6d;
    this.#v2h = this.#k0h ^ 0x6c796765;
    this.#v2l = this.#k0l ^ 0x6e657261;
    this.#v3h = this.#k1h ^ 0x74656462;
    this.#v3l = this.#k1l ^ 0x79746573;
  }

  /** Eight bytes of the message, as two little-endian words. */
  block(high: number, low: number): void {
    this.#v3h ^= high;
    this.#v3l ^= low;
    this.#rounds(2);
    this.#v0h ^= high;
    this.#v0l ^= low;
  }

  /** The last, partial block: up to seven bytes, and the length of the whole message in the top byte. */
  finish(high: number, low: number, messageBytes: number): void {
    this.block(((messageBytes & 0xff) << 24) | (high & 0xffffff), low);
    this.#v2l ^= 0xff;
    this.#rounds(4);
    this.high = this.#v0h ^ this.#v1h ^ this.#v2h ^ this.#v3h;
    this.low = this.#v0l ^ this.#v1l ^ this.#v2l ^ this.#v3l;
  }

  #rounds(count: number): void {
    let v0h = this.#v0h;
    let v0l = this.#v0l;
    let v1h = this.#v1h;
    let v1l = this.#v1l;
    let v2h = this.#v2h;
    let v2l = this.#v2l;
    let v3h = this.#v3h;
    let v3l = this.#v3l;
    let sum: number;
    let kept: number;
    for (let round = 0; round < count; round++) {
      // v0 += v1; v1 <<<= 13; v1 ^= v0; v0 <<<= 32
      sum = (v0l + v1l) | 0;
      v0h = (v0h + v1h + (sum >>> 0 < v0l >>> 0 ? 1 : 0)) | 0;
      v0l = sum;
      kept = (v1h << 13) | (v1l >>> 19);
      v1l = ((v1l << 13) | (v1h >>> 19)) ^ v0l;
      v1h = kept ^ v0h;
      kept = v0h;
      v0h = v0l;
      v0l = kept;
      // v2 += v3; v3 <<<= 16; v3 ^= v2
      sum = (v2l + v3l) | 0;
      v2h = (v2h + v3h + (sum >>> 0 < v2l >>> 0 ? 1 : 0)) | 0;
      v2l = sum;
      kept = (v3h << 16) | (v3l >>> 16);
      v3l = ((v3l << 16) | (v3h >>> 16)) ^ v2l;
      v3h = kept ^ v2h;
      // v0 += v3; v3 <<<= 21; v3 ^= v0
      sum = (v0l + v3l) | 0;
      v0h = (v0h + v3h + (sum >>> 0 < v0l >>> 0 ? 1 : 0)) | 0;
      v0l = sum;
      kept = (v3h << 21) | (v3l >>> 11);
      v3l = ((v3l << 21) | (v3h >>> 11)) ^ v0l;
      v3h = kept ^ v0h;
      // v2 += v1; v1 <<<= 17; v1 ^= v2; v2 <<<= 32
      sum = (v2l + v1l) | 0;
      v2h = (v2h + v1h + (sum >>> 0 < v2l >>> 0 ? 1 : 0)) | 0;
      v2l = sum;
      kept = (v1h << 17) | (v1l >>> 15);
      v1l = ((v1l << 17) | (v1h >>> 15)) ^ v2l;
      v1h = kept ^ v2h;
      kept = v2h;
      v2h = v2l;
      v2l = kept;
    }
    this.#v0h = v0h;
    this.#v0l = v0l;
    this.#v1h = v1h;
    this.#v1l = v1l;
    this.#v2h = v2h;
    this.#v2l = v2l;
    this.#v3h = v3h;
    this.#v3l = v3l;
  }
}
