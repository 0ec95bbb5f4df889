import type { DatagramSlots, IpFamily } from './datagram-slots.ts';

/**
 * A bound UDP socket that hands datagrams over in batches and sends its replies in batches.
 *
 * Guarantees of every implementation (held by `udp-socket.conformance.ts`):
 * - `onBatch(count)` finds the datagrams in slots 0 to count - 1 of `received`, valid until it returns.
 * - A datagram longer than a slot arrives cut to the slot's size plus nothing: its length is reported as
 *   `received.stride`, which no valid message of ours reaches.
 * - Replies queued during `onBatch` leave when it returns; queued at other times, they leave with `flush`.
 * - What the kernel does not take at once is dropped and counted in `unsent`: UDP may lose, it never waits.
 */
export interface UdpSocket {
  readonly family: IpFamily;
  readonly host: string;
  readonly port: number;
  readonly received: DatagramSlots;
  readonly outgoing: DatagramSlots;
  /** Datagrams the kernel did not take. */
  readonly unsent: number;
  /** Begins to receive. */
  start(onBatch: (count: number) => void): void;
  /** The slot of `outgoing` to write the next datagram into; sends what is queued if all are taken. */
  reserve(): number;
  /** Queues the datagram written into the reserved slot. */
  queue(bytes: number): void;
  /** Sends what is queued. */
  flush(): void;
  /** Forgets what is queued. */
  drop(): void;
  /** Stops and releases the port; can be called twice. */
  close(): void;
}

export interface UdpSocketOptions {
  /** An IP address of this machine, or the wildcard of its family. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /**
   * A multicast group to join on the interface that has `host`. The socket then receives what is sent to `group`:`port`
   * there, and nothing else; any number of them share group and port, and each gets every datagram. It only receives:
   * its port is nobody's own, so replies leave from another socket. What is queued on it counts as `unsent`.
   */
  readonly group?: string;
}

/** A socket could not be opened or bound. `code` is the system's, e.g. EADDRINUSE. */
export class SocketError extends Error {
  override readonly name = 'SocketError';
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Datagrams handled in one go; enough that system calls no longer count. */
export const BATCH_SLOTS = 64;
/** Longest datagram read; not a power of two, so that slots spread over the cache's sets. */
export const RECEIVE_STRIDE = 2112;
/** Longest datagram sent: replies stay below an Ethernet frame. */
export const SEND_STRIDE = 1472;
/** Socket buffers asked of the kernel, bytes: room for a burst while a batch is handled. */
export const SOCKET_BUFFER_BYTES = 8 << 20;
