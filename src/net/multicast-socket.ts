import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { multicastInterface } from './multicast-interface.ts';
import { SocketError } from './udp-socket.ts';

/**
 * A member of a multicast group that sends and receives a few datagrams a second. Any number of sockets on one machine
 * share group and port, and each gets every datagram, its own ones too.
 */
export interface MulticastSocket {
  readonly group: string;
  readonly port: number;
  /** Datagrams the system did not take. */
  readonly unsent: number;
  /** Sends to the whole group. The bytes must not change afterwards. Never waits: what cannot leave is lost and counted. */
  send(datagram: Uint8Array): void;
  /** Leaves the group; can be called twice. */
  close(): void;
}

export interface MulticastSocketOptions {
  readonly group: string;
  readonly port: number;
  /** An address of the interface on which the group is joined and sent to. */
  readonly host: string;
  /** @param host who sent it, as the network says: anybody can write any name there */
  readonly onDatagram: (datagram: Uint8Array, host: string, port: number) => void;
}

/** Datagrams that wait for the kernel; the newest is dropped beyond, as those that wait cannot be taken back. */
export const MAX_UNSENT_DATAGRAMS = 16;

/** One link only: a group must not leak through routers. */
const TTL = 1;

/** @throws {SocketError} the group cannot be joined there, or the port is taken by a socket that does not share */
export async function openMulticastSocket(options: MulticastSocketOptions): Promise<MulticastSocket> {
  const { group, port, host, onDatagram } = options;
  const address = multicastInterface(host, group);
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    // Bound to the group, not to the wildcard: datagrams to the port of this host itself are none of its business.
    socket.bind({ port, address: group, exclusive: true });
    await once(socket, 'listening');
    socket.addMembership(group, address);
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(TTL);
    socket.setMulticastLoopback(true);
  } catch (cause) {
    socket.close();
    const code = (cause as NodeJS.ErrnoException).code ?? 'UNKNOWN';
    throw new SocketError(code, `cannot join ${group} port ${port} on ${host}: ${code}`, { cause });
  }
  return new DgramMulticastSocket(socket, group, onDatagram);
}

class DgramMulticastSocket implements MulticastSocket {
  readonly group: string;
  readonly port: number;
  unsent = 0;
  readonly #socket: Socket;
  #underWay = 0;
  #closed = false;

  constructor(socket: Socket, group: string, onDatagram: MulticastSocketOptions['onDatagram']) {
    this.#socket = socket;
    this.group = group;
    this.port = socket.address().port;
    // An error after binding belongs to one datagram that could not be sent; `send` counts it.
    socket.on('error', () => {});
    socket.on('message', (datagram, { address, port }) => onDatagram(datagram, address, port));
  }

  send(datagram: Uint8Array): void {
    if (this.#closed || this.#underWay >= MAX_UNSENT_DATAGRAMS) {
      this.unsent++;
      return;
    }
    this.#underWay++;
    this.#socket.send(datagram, this.port, this.group, (error) => {
      this.#underWay--;
      if (error) this.unsent++;
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
