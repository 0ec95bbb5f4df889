import type { IpFamily } from './datagram-slots.ts';

/**
 * A listening TCP socket for requests that are one packet and get one reply: a connection comes with its first
 * bytes already read, and is answered and closed in one go. Any that needs more is the listener's to take over.
 * Linux only.
 */
export interface TcpAcceptor {
  readonly family: IpFamily;
  readonly port: number;
  start(onRequest: OnRequest): void;
  /** Sends a reply that fits the send buffer of a fresh connection, and closes it. */
  replyAndClose(fd: number, reply: Uint8Array, bytes: number): void;
  /** Stops listening; connections handed over live on. Can be called twice. */
  close(): void;
}

/**
 * @param fd the connection, now the callee's: it answers with `replyAndClose` or hands it on
 * @param head what was read; valid until the callee returns
 * @param endpoint the client, laid out like a slot's endpoint; valid until the callee returns
 */
export type OnRequest = (fd: number, head: Uint8Array, endpoint: Uint8Array) => void;

/** Longest head that is read at once; a longer request is for the general server. */
export const HEAD_BYTES = 8 << 10;
