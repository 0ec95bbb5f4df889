import { DatagramSlots, ENDPOINT_BYTES, type IpFamily } from './datagram-slots.ts';
import * as libc from './libc.ts';
import { multicastInterface } from './multicast-interface.ts';
import { SendBatch } from './send-batch.ts';
import { familyOf, SOCKADDR_BYTES } from './socket-address.ts';
import {
  BATCH_SLOTS,
  RECEIVE_STRIDE,
  SEND_STRIDE,
  SOCKET_BUFFER_BYTES,
  SocketError,
  type UdpSocket,
  type UdpSocketOptions,
} from './udp-socket.ts';

/**
 * UDP on Linux by recvmmsg and sendmmsg: two system calls for up to BATCH_SLOTS datagrams, none of them an object.
 *
 * The thread's event loop sleeps until the socket is readable; then the socket is drained, at most
 * ROUNDS_PER_WAKE batches at a time, so that a flood does not keep messages of other threads waiting.
 */
export function openBatchedUdpSocket(options: UdpSocketOptions): UdpSocket {
  return new BatchedUdpSocket(options);
}

const ROUNDS_PER_WAKE = 16;

/** How the kernel wants a batch described: struct mmsghdr and struct iovec, in 32-bit words. */
const MESSAGE_WORDS = 16;
const FLAGS_WORD = 12;
const RECEIVED_LENGTH_WORD = 14;
const VECTOR_WORDS = 4;

class BatchedUdpSocket implements UdpSocket {
  readonly family: IpFamily;
  readonly host: string;
  readonly port: number;
  readonly received = new DatagramSlots(BATCH_SLOTS, RECEIVE_STRIDE);
  readonly outgoing = new DatagramSlots(BATCH_SLOTS, SEND_STRIDE);
  unsent = 0;

  #fd: number;
  readonly #receiveOnly: boolean;
  readonly #receive: ReceiveBatch;
  readonly #send: SendBatch;
  /** Held so that it is not collected. */
  #poll: { close(): void } | undefined;
  #onBatch: (count: number) => void = () => {};
  /** Datagrams in `outgoing` that wait for `flush`; also the next slot. */
  #queued = 0;
  #closed = false;

  constructor({ host, port, group }: UdpSocketOptions) {
    const family = familyOf(group ?? host);
    if (family === undefined) throw new SocketError('EINVAL', `cannot bind ${group ?? host}: not an IP address`);
    const joinedOn = group === undefined ? undefined : multicastInterface(host, group);
    this.family = family;
    this.host = host;
    this.#receiveOnly = group !== undefined;
    this.#receive = describe(this.received, family);
    this.#send = new SendBatch(this.outgoing, family);
    this.#fd = libc.openSocket(family, libc.SOCK_DGRAM);
    for (const [force, plain] of [
      [libc.SO_RCVBUFFORCE, libc.SO_RCVBUF],
      [libc.SO_SNDBUFFORCE, libc.SO_SNDBUF],
    ]) {
      libc.setOption(this.#fd, libc.SOL_SOCKET, force, SOCKET_BUFFER_BYTES) ||
        libc.setOption(this.#fd, libc.SOL_SOCKET, plain, SOCKET_BUFFER_BYTES);
    }
    if (joinedOn !== undefined) libc.setOption(this.#fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1);
    // Bound to the group's address, a socket gets nothing that was sent to this machine itself.
    this.port = libc.bindSocket(this.#fd, family, group ?? host, port);
    if (joinedOn !== undefined) libc.joinGroup(this.#fd, group as string, joinedOn);
  }

  start(onBatch: (count: number) => void): void {
    this.#onBatch = onBatch;
    this.#poll = libc.pollReadable(this.#fd, () => this.#drain());
  }

  reserve(): number {
    if (this.#queued === BATCH_SLOTS) this.flush();
    return this.#queued;
  }

  queue(bytes: number): void {
    this.outgoing.lengths[this.#queued++] = bytes;
  }

  flush(): void {
    const count = this.#queued;
    this.#queued = 0;
    if (count === 0 || this.#closed) return;
    if (this.#receiveOnly) {
      this.unsent += count;
      return;
    }
    this.unsent += this.#send.send(this.#fd, count);
  }

  drop(): void {
    this.#queued = 0;
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#poll?.close();
    libc.close(this.#fd);
  }

  #drain(): void {
    const { messageWords, messages } = this.#receive;
    const { lengths } = this.received;
    for (let round = 0; round < ROUNDS_PER_WAKE && !this.#closed; round++) {
      const count = libc.recvmmsg(this.#fd, messages, BATCH_SLOTS, libc.MSG_DONTWAIT, null);
      if (count <= 0) return;
      for (let slot = 0; slot < count; slot++) {
        const at = slot * MESSAGE_WORDS;
        const cut = messageWords[at + FLAGS_WORD] & libc.MSG_TRUNC;
        lengths[slot] = cut ? RECEIVE_STRIDE : messageWords[at + RECEIVED_LENGTH_WORD];
      }
      this.#onBatch(count);
      this.flush();
      // Fewer than a batch: more may have come while these were handled, so only an empty socket ends the round.
    }
  }
}

/** Slots to receive into as the kernel wants them: headers that point at vectors, names and bytes. */
interface ReceiveBatch {
  /** Address of the array of struct mmsghdr. */
  readonly messages: number;
  readonly messageWords: Uint32Array;
  /** Held for the kernel. */
  readonly vectors: BigUint64Array;
}

function describe(slots: DatagramSlots, family: IpFamily): ReceiveBatch {
  const vectors = new BigUint64Array(slots.capacity * 2);
  const messageWords = new Uint32Array(slots.capacity * MESSAGE_WORDS);
  const messages = new DataView(messageWords.buffer);
  const bytesAt = libc.addressOf(slots.bytes);
  const endpointsAt = libc.addressOf(slots.endpoints);
  const vectorsAt = libc.addressOf(new Uint8Array(vectors.buffer));
  for (let slot = 0; slot < slots.capacity; slot++) {
    vectors[slot * 2] = BigInt(bytesAt + slot * slots.stride);
    vectors[slot * 2 + 1] = BigInt(slots.stride);
    const at = slot * MESSAGE_WORDS * 4;
    messages.setBigUint64(at, BigInt(endpointsAt + slot * ENDPOINT_BYTES), true);
    messages.setUint32(at + 8, SOCKADDR_BYTES[family], true);
    messages.setBigUint64(at + 16, BigInt(vectorsAt + slot * VECTOR_WORDS * 4), true);
    messages.setBigUint64(at + 24, 1n, true);
  }
  return {
    messages: libc.addressOf(new Uint8Array(messageWords.buffer)),
    messageWords,
    vectors,
  };
}
