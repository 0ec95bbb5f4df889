import { INFO_HASH_BYTES } from '../bittorrent/info-hash.ts';
import { ADMISSION_ALLOW, ADMISSION_DENY, ADMISSION_OPEN } from './operations.ts';
import { HASH_WORDS, InfoHashIndex } from './swarms/info-hash-index.ts';
import { DIGEST_SEED, mix, StateHash } from './swarms/state-hash.ts';

/** Which contents the tracker serves: all, those on the allow-list, or all but those on the deny-list. */
export class Admission {
  readonly allow = new InfoHashIndex(MAX_LISTED, HASH_WORDS);
  readonly deny = new InfoHashIndex(MAX_LISTED, HASH_WORDS);
  /** Of mode and lists. */
  readonly hash = new StateHash();
  #mode = ADMISSION_OPEN;
  readonly #scratch = new Int32Array(INFO_HASH_BYTES / 4);

  get mode(): number {
    return this.#mode;
  }

  set mode(mode: number) {
    this.hash.toggle(mix(DIGEST_SEED, this.#mode), -1);
    this.#mode = mode;
    this.hash.toggle(mix(DIGEST_SEED, mode), 1);
  }

  /** Whether announces of the info-hash (five words at `at`) are served. */
  admits(words: Int32Array, at: number): boolean {
    if (this.#mode === ADMISSION_OPEN) return true;
    if (this.#mode === ADMISSION_ALLOW) return this.allow.find(words, at) >= 0;
    return this.deny.find(words, at) < 0;
  }

  /** Beyond MAX_LISTED nothing is added; the master refuses such a change before it is logged. */
  add(list: number, infoHash: Uint8Array): void {
    const index = this.#list(list);
    if (index.find(this.#words(infoHash), 0) >= 0 || index.add(this.#scratch, 0) < 0) return;
    this.hash.toggle(this.#digest(index), 1);
  }

  remove(list: number, infoHash: Uint8Array): void {
    const index = this.#list(list);
    const id = index.find(this.#words(infoHash), 0);
    if (id < 0) return;
    index.remove(id);
    this.hash.toggle(this.#digest(index), -1);
  }

  /** Open, with nothing on the lists; their memory stays for what comes next. */
  clear(): void {
    this.#mode = ADMISSION_OPEN;
    this.allow.clear();
    this.deny.clear();
    this.hash.clear();
  }

  /** Of the info-hash in `#scratch` as a member of the list. */
  #digest(list: InfoHashIndex): number {
    let digest = mix(DIGEST_SEED, list === this.deny ? ADMISSION_DENY : ADMISSION_ALLOW);
    for (const word of this.#scratch) digest = mix(digest, word);
    return digest;
  }

  #list(list: number): InfoHashIndex {
    return list === ADMISSION_DENY ? this.deny : this.allow;
  }

  #words(infoHash: Uint8Array): Int32Array {
    new Uint8Array(this.#scratch.buffer).set(infoHash.subarray(0, INFO_HASH_BYTES));
    return this.#scratch;
  }
}

/** Info-hashes on one list. */
export const MAX_LISTED = 1 << 20;
