import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressFamily } from '../../bittorrent/compact-peers.ts';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import { multicastInterface } from '../../net/multicast-interface.ts';
import { SocketError } from '../../net/udp-socket.ts';

/** Datagrams that wait for the kernel; further ones are lost, as datagrams may be. */
export const MAX_UNSENT_REQUESTS = 1_000;
/** One link only: what is asked in a group must not leak through routers. */
const MULTICAST_TTL = 1;

/** A UDP socket for requests, on a port of its own: answers come to it alone, also those to what was sent to a group. */
export interface RequestSocket {
  readonly family: AddressFamily;
  readonly host: string;
  readonly port: number;
  /** @param failed the system does not send there: no such network, no such address */
  send(datagram: Uint8Array, to: PeerEndpoint, failed?: (code: string) => void): void;
  /** Can be called twice. */
  close(): void;
}

export interface RequestSocketOptions {
  /** An address of this machine, or the wildcard of its family. */
  readonly host: string;
  /** Sends to this group leave by the interface of `host`. */
  readonly group?: string;
  readonly onDatagram: (socket: RequestSocket, datagram: Uint8Array, from: PeerEndpoint) => void;
}

/** @throws {SocketError} */
export async function openRequestSocket(options: RequestSocketOptions): Promise<RequestSocket> {
  const { group } = options;
  const host = group === undefined ? options.host : multicastInterface(options.host, group);
  const family = host.includes(':') ? 6 : 4;
  const socket = createSocket({ type: `udp${family}`, ...(family === 6 && { ipv6Only: true }) });
  try {
    socket.bind({ address: host, port: 0, exclusive: true });
    await once(socket, 'listening');
    if (group !== undefined) {
      socket.setMulticastInterface(host);
      socket.setMulticastTTL(MULTICAST_TTL);
      socket.setMulticastLoopback(true);
    }
  } catch (cause) {
    socket.close();
    const code = (cause as NodeJS.ErrnoException).code ?? 'UNKNOWN';
    throw new SocketError(code, `cannot ask by UDP from ${host}: ${code}`, { cause });
  }
  return new DgramRequestSocket(socket, family, host, options.onDatagram);
}

class DgramRequestSocket implements RequestSocket {
  readonly family: AddressFamily;
  readonly host: string;
  readonly port: number;
  readonly #socket: Socket;
  #unsent = 0;
  #closed = false;

  constructor(socket: Socket, family: AddressFamily, host: string, onDatagram: RequestSocketOptions['onDatagram']) {
    this.#socket = socket;
    this.family = family;
    this.host = host;
    this.port = socket.address().port;
    // An error after binding belongs to one datagram, and `send` says it.
    socket.on('error', () => {});
    socket.on('message', (datagram, from) => onDatagram(this, datagram, { host: from.address, port: from.port }));
  }

  send(datagram: Uint8Array, to: PeerEndpoint, failed?: (code: string) => void): void {
    if (this.#closed || this.#unsent >= MAX_UNSENT_REQUESTS) return;
    this.#unsent++;
    this.#socket.send(datagram, to.port, to.host, (error) => {
      this.#unsent--;
      if (error) failed?.((error as NodeJS.ErrnoException).code ?? error.message);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
