import {
  type DatagramSlots,
  ENDPOINT_BYTES,
  ENDPOINT_USED_WORDS,
  ENDPOINT_WORDS,
  type IpFamily,
} from './datagram-slots.ts';
import * as libc from './libc.ts';
import { SOCKADDR_BYTES } from './socket-address.ts';

/**
 * Sends the datagrams in slots by one `sendmmsg`. Datagrams of one length to one endpoint go through the network stack as
 * one and are cut up at its end (UDP_SEGMENT, udp(7)): a client with thousands of torrents announces all of them from
 * one port, and an instance that forwards does so for all its clients. Every datagram still arrives by itself;
 * only the order between endpoints is not kept.
 */
export class SendBatch {
  readonly #slots: DatagramSlots;
  readonly #endpointWords: number;
  /** False once the kernel refused to cut up: an old one, or a device without checksums. */
  #canSegment = true;

  /** Slots still to be sent, in order; then in the order of their groups. */
  readonly #pending: Uint8Array;
  readonly #ordered: Uint8Array;
  /** The group of each pending slot. */
  readonly #groupOf: Uint8Array;
  /** Open addressing from endpoint and length to group + 1. */
  readonly #table = new Uint8Array(TABLE_PLACES);
  /** Columns by group: its first slot, its datagrams, and where its vectors begin. */
  readonly #firstOf: Uint8Array;
  readonly #sizeOf: Uint8Array;
  readonly #startOf: Uint8Array;
  #groups = 0;

  // What the kernel reads: struct mmsghdr and its control message by group, struct iovec by datagram.
  readonly #messages: Uint32Array;
  readonly #controls: Uint32Array;
  readonly #vectors: Uint32Array;
  readonly #messagesAt: number;
  readonly #vectorsAt: number;
  /** Address of each slot's bytes and endpoint, in halves. */
  readonly #bytesAt: Uint32Array;
  readonly #endpointsAt: Uint32Array;

  constructor(slots: DatagramSlots, family: IpFamily) {
    const { capacity } = slots;
    this.#slots = slots;
    this.#endpointWords = ENDPOINT_USED_WORDS[family];
    this.#pending = new Uint8Array(capacity);
    this.#ordered = new Uint8Array(capacity);
    this.#groupOf = new Uint8Array(capacity);
    this.#firstOf = new Uint8Array(capacity);
    this.#sizeOf = new Uint8Array(capacity);
    this.#startOf = new Uint8Array(capacity);
    this.#messages = new Uint32Array(capacity * MESSAGE_WORDS);
    this.#controls = new Uint32Array(capacity * CONTROL_WORDS);
    this.#vectors = new Uint32Array(capacity * VECTOR_WORDS);
    this.#messagesAt = libc.addressOf(new Uint8Array(this.#messages.buffer));
    this.#vectorsAt = libc.addressOf(new Uint8Array(this.#vectors.buffer));
    this.#bytesAt = addresses(libc.addressOf(slots.bytes), slots.stride, capacity);
    this.#endpointsAt = addresses(libc.addressOf(slots.endpoints), ENDPOINT_BYTES, capacity);
    const controls = addresses(libc.addressOf(new Uint8Array(this.#controls.buffer)), CONTROL_WORDS * 4, capacity);
    const endpoints = new DataView(slots.endpoints.buffer);
    for (let at = 0; at < capacity; at++) {
      endpoints.setUint16(at * ENDPOINT_BYTES, libc.domainOf(family), true);
      this.#messages[at * MESSAGE_WORDS + ENDPOINT_LENGTH] = SOCKADDR_BYTES[family];
      this.#messages[at * MESSAGE_WORDS + CONTROL] = controls[at * 2];
      this.#messages[at * MESSAGE_WORDS + CONTROL + 1] = controls[at * 2 + 1];
      // struct cmsghdr with two bytes of data: the length of a segment.
      this.#controls[at * CONTROL_WORDS] = CONTROL_BYTES;
      this.#controls[at * CONTROL_WORDS + 2] = libc.SOL_UDP;
      this.#controls[at * CONTROL_WORDS + 3] = libc.UDP_SEGMENT;
    }
  }

  /**
   * Sends the first `count` slots.
   * @returns how many the kernel did not take
   */
  send(fd: number, count: number): number {
    for (let slot = 0; slot < count; slot++) this.#pending[slot] = slot;
    let pending = count;
    let unsent = 0;
    let oneByOne = false;
    while (pending > 0) {
      this.#group(pending);
      let group = 0;
      while (group < this.#groups) {
        const messages = this.#messagesAt + group * MESSAGE_WORDS * 4;
        const sent = libc.sendmmsg(fd, messages, this.#groups - group, libc.MSG_DONTWAIT);
        if (sent > 0) {
          group += sent;
          continue;
        }
        const errno = libc.errno();
        if (errno === libc.EINTR) continue;
        // The send buffer is full: what does not fit is lost, as UDP may.
        if (errno === libc.EAGAIN) return unsent + pending - this.#startOf[group];
        if (this.#sizeOf[group] > 1) {
          this.#canSegment = false;
          oneByOne = true;
          break;
        }
        // The first one was refused (no route, a filter): go on behind it. If it was the first of a refused group, then
        // its endpoint is to blame, and not the cutting up.
        if (oneByOne && group === 0) this.#canSegment = true;
        unsent++;
        group++;
      }
      if (group === this.#groups) return unsent;
      // The rest of this batch goes one by one.
      const done = this.#startOf[group];
      this.#pending.set(this.#ordered.subarray(done, pending));
      pending -= done;
    }
    return unsent;
  }

  /** Sorts the pending slots into groups and describes those to the kernel. */
  #group(pending: number): void {
    const { lengths } = this.#slots;
    this.#table.fill(0);
    this.#groups = 0;
    for (let at = 0; at < pending; at++) {
      const slot = this.#pending[at];
      const group = this.#groupFor(slot, lengths[slot]);
      this.#groupOf[at] = group;
      this.#sizeOf[group]++;
    }
    for (let group = 0, start = 0; group < this.#groups; group++) {
      this.#describe(group, start);
      start += this.#sizeOf[group];
      // Counted again below, while its vectors are filled.
      this.#sizeOf[group] = 0;
    }
    for (let at = 0; at < pending; at++) {
      const slot = this.#pending[at];
      const group = this.#groupOf[at];
      const place = this.#startOf[group] + this.#sizeOf[group]++;
      this.#ordered[place] = slot;
      const vector = place * VECTOR_WORDS;
      this.#vectors[vector] = this.#bytesAt[slot * 2];
      this.#vectors[vector + 1] = this.#bytesAt[slot * 2 + 1];
      this.#vectors[vector + 2] = lengths[slot];
    }
  }

  /** The group that the slot joins, or a new one. */
  #groupFor(slot: number, length: number): number {
    const endpoints = this.#slots.endpointWords;
    const at = slot * ENDPOINT_WORDS;
    let hash = length;
    for (let word = 0; word < this.#endpointWords; word++) hash = Math.imul(hash ^ endpoints[at + word], 0x9e3779b1);
    let place = hash >>> TABLE_SHIFT;
    if (this.#canSegment && length <= MAX_SEGMENT_BYTES) {
      for (; this.#table[place] !== 0; place = (place + 1) % TABLE_PLACES) {
        const group = this.#table[place] - 1;
        if (this.#sizeOf[group] < MAX_SEGMENTS && this.#isAlike(this.#firstOf[group], slot)) return group;
      }
      this.#table[place] = this.#groups + 1;
    }
    const group = this.#groups++;
    this.#firstOf[group] = slot;
    this.#sizeOf[group] = 0;
    return group;
  }

  #isAlike(a: number, b: number): boolean {
    const { endpointWords, lengths } = this.#slots;
    if (lengths[a] !== lengths[b]) return false;
    for (let word = 0; word < this.#endpointWords; word++) {
      if (endpointWords[a * ENDPOINT_WORDS + word] !== endpointWords[b * ENDPOINT_WORDS + word]) return false;
    }
    return true;
  }

  #describe(group: number, start: number): void {
    const slot = this.#firstOf[group];
    const size = this.#sizeOf[group];
    const at = group * MESSAGE_WORDS;
    const vectors = this.#vectorsAt + start * VECTOR_WORDS * 4;
    this.#startOf[group] = start;
    this.#messages[at + ENDPOINT] = this.#endpointsAt[slot * 2];
    this.#messages[at + ENDPOINT + 1] = this.#endpointsAt[slot * 2 + 1];
    this.#messages[at + VECTORS] = vectors % 2 ** 32;
    this.#messages[at + VECTORS + 1] = vectors / 2 ** 32;
    this.#messages[at + VECTOR_COUNT] = size;
    this.#messages[at + CONTROL_LENGTH] = size > 1 ? CONTROL_WORDS * 4 : 0;
    this.#controls[group * CONTROL_WORDS + 4] = this.#slots.lengths[slot];
  }
}

/** Words of struct mmsghdr on 64-bit Linux, and where its fields stand. */
const MESSAGE_WORDS = 16;
const ENDPOINT = 0;
const ENDPOINT_LENGTH = 2;
const VECTORS = 4;
const VECTOR_COUNT = 6;
const CONTROL = 8;
const CONTROL_LENGTH = 10;
const VECTOR_WORDS = 4;
/** A control message with two bytes of data: 16 of header, and filled up to 24. */
const CONTROL_WORDS = 6;
const CONTROL_BYTES = 18;

/** Fits the smallest MTU of IPv6 with all headers. */
const MAX_SEGMENT_BYTES = 1232;
/** UDP_MAX_SEGMENTS of older kernels is 64; as many of the longest stay below what one datagram may have. */
const MAX_SEGMENTS = 48;
/** Twice the slots of a batch. */
const TABLE_PLACES = 128;
const TABLE_SHIFT = 25;

/** Addresses of an array's elements, low and high halves. */
function addresses(start: number, stride: number, count: number): Uint32Array {
  const halves = new Uint32Array(count * 2);
  for (let i = 0; i < count; i++) {
    const address = start + i * stride;
    halves[i * 2] = address % 2 ** 32;
    halves[i * 2 + 1] = address / 2 ** 32;
  }
  return halves;
}
