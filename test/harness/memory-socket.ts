import {
  DatagramSlots,
  ENDPOINT_BYTES,
  ENDPOINT_FAMILY,
  ENDPOINT_WORDS,
  type IpFamily,
} from '../../src/net/datagram-slots.ts';
import { endpointHost, endpointPort, writeEndpoint } from '../../src/net/socket-address.ts';
import { BATCH_SLOTS, RECEIVE_STRIDE, SEND_STRIDE, type UdpSocket } from '../../src/net/udp-socket.ts';

export interface Datagram {
  readonly host: string;
  readonly port: number;
  readonly bytes: Uint8Array;
}

/** A UDP socket without a network: what arrives is what the test says, what is sent is kept. */
export class MemorySocket implements UdpSocket {
  readonly family: IpFamily;
  readonly host: string;
  readonly port = 6969;
  readonly received = new DatagramSlots(BATCH_SLOTS, RECEIVE_STRIDE);
  readonly outgoing = new DatagramSlots(BATCH_SLOTS, SEND_STRIDE);
  readonly unsent = 0;
  readonly sent: Datagram[] = [];
  #onBatch: (count: number) => void = () => {};
  #queued = 0;

  constructor(family: IpFamily) {
    this.family = family;
    this.host = family === 4 ? '127.0.0.1' : '::1';
  }

  start(onBatch: (count: number) => void): void {
    this.#onBatch = onBatch;
  }

  /** So many as come with one system call, at most BATCH_SLOTS. */
  arrive(...datagrams: Datagram[]): void {
    const { received } = this;
    for (const [slot, { host, port, bytes }] of datagrams.entries()) {
      writeEndpoint(received.endpoints, slot * ENDPOINT_BYTES, this.family, host, port);
      received.bytes.set(bytes.subarray(0, received.stride), slot * received.stride);
      received.lengths[slot] = Math.min(bytes.length, received.stride);
    }
    this.#onBatch(datagrams.length);
    this.flush();
  }

  reserve(): number {
    if (this.#queued === BATCH_SLOTS) this.flush();
    return this.#queued;
  }

  queue(bytes: number): void {
    this.outgoing.lengths[this.#queued++] = bytes;
  }

  /** @throws when an endpoint is not of the socket's family, which a kernel would not take */
  flush(): void {
    const { endpoints, endpointWords, bytes, stride, lengths } = this.outgoing;
    for (let slot = 0; slot < this.#queued; slot++) {
      const family = endpointWords[slot * ENDPOINT_WORDS] & 0xffff;
      if (family !== ENDPOINT_FAMILY[this.family]) throw new Error(`sent to an address of family ${family}`);
      this.sent.push({
        host: endpointHost(endpoints, slot * ENDPOINT_BYTES, this.family),
        port: endpointPort(endpoints, slot * ENDPOINT_BYTES),
        bytes: bytes.slice(slot * stride, slot * stride + lengths[slot]),
      });
    }
    this.#queued = 0;
  }

  drop(): void {
    this.#queued = 0;
  }

  close(): void {}
}
