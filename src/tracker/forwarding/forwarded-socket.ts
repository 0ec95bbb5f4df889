import type { MemberId } from '../../cluster/replicated-log.ts';
import { DatagramSlots, ENDPOINT_PORT_MASK, ENDPOINT_WORDS, type IpFamily } from '../../net/datagram-slots.ts';
import { BATCH_SLOTS, RECEIVE_STRIDE, SEND_STRIDE, type UdpSocket } from '../../net/udp-socket.ts';
import { type BundleReader, BundleWriter } from './datagram-bundle.ts';
import { KIND_REPLIES } from './forward-messages.ts';

/**
 * The clients that ask slaves, as a UDP socket of the master: datagrams arrive in bundles from the slaves, replies leave in
 * bundles to the slave that the client asked.
 *
 * The way back stands in the endpoint, in the two bytes that otherwise hold the address family: the slave's place in
 * `#slaves`, and the tag that it gave the datagram. So it survives wherever an endpoint is kept.
 */
export class ForwardedSocket implements UdpSocket {
  readonly family: IpFamily;
  readonly host = '';
  readonly port = 0;
  readonly received = new DatagramSlots(BATCH_SLOTS, RECEIVE_STRIDE);
  readonly outgoing = new DatagramSlots(BATCH_SLOTS, SEND_STRIDE);
  readonly unsent = 0;
  readonly #send: (to: MemberId, message: Uint8Array) => void;
  /** Slaves that have forwarded something, at most MOST_SLAVES: later ones take the places of the first. */
  readonly #slaves: MemberId[] = [];
  #nextPlace = 0;
  readonly #replies: BundleWriter;
  #onBatch: (count: number) => void = () => {};
  #queued = 0;

  /** @param send sends a message to another instance */
  constructor(family: IpFamily, send: (to: MemberId, message: Uint8Array) => void) {
    this.family = family;
    this.#send = send;
    this.#replies = new BundleWriter(KIND_REPLIES, family);
  }

  start(onBatch: (count: number) => void): void {
    this.#onBatch = onBatch;
  }

  /** @throws {RangeError} the bundle is damaged; what stood before the damage was handed on */
  receive(slave: MemberId, bundle: BundleReader): void {
    const place = this.#placeOf(slave);
    const { endpointWords } = this.received;
    while (bundle.left > 0) {
      let count = 0;
      for (; count < BATCH_SLOTS && bundle.left > 0; count++) {
        bundle.read(this.received, count);
        const word = count * ENDPOINT_WORDS;
        // In the place of the address family, which a real socket would say here.
        endpointWords[word] = (endpointWords[word] & ENDPOINT_PORT_MASK) | (place << 8) | (bundle.tag & 0xff);
      }
      this.#onBatch(count);
      this.flush();
    }
  }

  reserve(): number {
    if (this.#queued === BATCH_SLOTS) this.flush();
    return this.#queued;
  }

  queue(bytes: number): void {
    this.outgoing.lengths[this.#queued++] = bytes;
  }

  /** Sends what is queued, a bundle for each slave. */
  flush(): void {
    const { outgoing } = this;
    for (let left = this.#queued, place = 0; left > 0; place++) {
      for (let slot = 0; slot < this.#queued; slot++) {
        const way = outgoing.endpointWords[slot * ENDPOINT_WORDS] & ~ENDPOINT_PORT_MASK;
        if (way >>> 8 !== place) continue;
        this.#replies.add(outgoing, slot, way & 0xff);
        left--;
      }
      if (this.#replies.count > 0) this.#send(this.#slaves[place], this.#replies.take());
    }
    this.#queued = 0;
  }

  drop(): void {
    this.#queued = 0;
  }

  close(): void {}

  #placeOf(slave: MemberId): number {
    const known = this.#slaves.indexOf(slave);
    if (known >= 0) return known;
    const place = this.#nextPlace;
    this.#nextPlace = (place + 1) % MOST_SLAVES;
    this.#slaves[place] = slave;
    return place;
  }
}

/** More than a cluster has members; a place is one byte. */
const MOST_SLAVES = 64;
