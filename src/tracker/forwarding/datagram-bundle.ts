import { type DatagramSlots, ENDPOINT_USED_WORDS, ENDPOINT_WORDS, type IpFamily } from '../../net/datagram-slots.ts';

/**
 * Datagrams of clients in one message between instances: what came with one system call travels together.
 *
 * A bundle is a head word (kind, family, count) and records of whole words: length 2, tag 2, the client's endpoint (2
 * words of IPv4, 7 of IPv6) and the datagram. The tag is the sender's own and comes back with the reply; it says which
 * of its sockets the client asked.
 */
export class BundleWriter {
  readonly #family: IpFamily;
  readonly #kind: number;
  #words = new Int32Array(INITIAL_WORDS);
  #length = HEAD_WORDS;
  #count = 0;

  constructor(kind: number, family: IpFamily) {
    this.#kind = kind;
    this.#family = family;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#length * 4;
  }

  /** Adds the datagram in a slot, with its endpoint. */
  add(slots: DatagramSlots, slot: number, tag: number): void {
    const bytes = slots.lengths[slot];
    const dataWords = (bytes + 3) >> 2;
    const endpointWords = ENDPOINT_USED_WORDS[this.#family];
    this.#makeRoom(1 + endpointWords + dataWords);
    const words = this.#words;
    let to = this.#length;
    words[to++] = (tag << 16) | bytes;
    const endpoint = slot * ENDPOINT_WORDS;
    for (let word = 0; word < endpointWords; word++) words[to++] = slots.endpointWords[endpoint + word];
    const from = (slot * slots.stride) >> 2;
    for (let word = 0; word < dataWords; word++) words[to++] = slots.words32[from + word];
    this.#length = to;
    this.#count++;
  }

  /** The bundle, now the caller's; the next one begins. */
  take(): Uint8Array {
    this.#words[0] = (this.#count << 16) | (this.#family << 8) | this.#kind;
    const bundle = new Uint8Array(this.#words.slice(0, this.#length).buffer);
    this.#length = HEAD_WORDS;
    this.#count = 0;
    return bundle;
  }

  #makeRoom(words: number): void {
    if (this.#length + words <= this.#words.length) return;
    const larger = new Int32Array(Math.max(this.#words.length * 2, this.#length + words));
    larger.set(this.#words.subarray(0, this.#length));
    this.#words = larger;
  }
}

/** Reads the records of a bundle one after the other into slots. */
export class BundleReader {
  readonly family: IpFamily;
  /** Of the record last read. */
  tag = 0;
  readonly #words: Int32Array;
  #left: number;
  #at = HEAD_WORDS;

  /** @throws {RangeError} it is no bundle */
  constructor(message: Uint8Array) {
    if (message.length < HEAD_WORDS * 4 || message.length % 4 !== 0) throw new RangeError('not a bundle of datagrams');
    const aligned = message.byteOffset % 4 === 0 ? message : message.slice();
    this.#words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
    const family = (this.#words[0] >>> 8) & 0xff;
    if (family !== 4 && family !== 6) throw new RangeError(`a bundle of datagrams of IP version ${family}`);
    this.family = family;
    this.#left = this.#words[0] >>> 16;
  }

  get left(): number {
    return this.#left;
  }

  /**
   * Reads the next record into a slot: endpoint, datagram, length.
   * @throws {RangeError} the record is cut off, or its datagram longer than the slot
   */
  read(slots: DatagramSlots, slot: number): void {
    const words = this.#words;
    const endpointWords = ENDPOINT_USED_WORDS[this.family];
    let at = this.#at;
    const bytes = words[at] & 0xffff;
    const dataWords = (bytes + 3) >> 2;
    if (at + 1 + endpointWords + dataWords > words.length || bytes > slots.stride) {
      throw new RangeError('a bundle of datagrams is cut off');
    }
    this.tag = words[at++] >>> 16;
    const endpoint = slot * ENDPOINT_WORDS;
    for (let word = 0; word < endpointWords; word++) slots.endpointWords[endpoint + word] = words[at++];
    const to = (slot * slots.stride) >> 2;
    for (let word = 0; word < dataWords; word++) slots.words32[to + word] = words[at++];
    slots.lengths[slot] = bytes;
    this.#at = at;
    this.#left--;
  }
}

/** Datagrams in a bundle. */
export function bundleCount(bundle: Uint8Array): number {
  return bundle[2] | (bundle[3] << 8);
}

const HEAD_WORDS = 1;
const INITIAL_WORDS = 4096;
