import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseReply, type TrackerReply } from '../../src/bittorrent/bep15.ts';

/** The system's default loses replies while this process is busy with something else. */
const RECEIVE_BUFFER_BYTES = 4 << 20;

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A UDP socket of a client that asks groups and instances alike. `await using` closes it. */
export class ClientSocket {
  readonly #socket: Socket;
  #listener: ((reply: TrackerReply, source: number) => void) | undefined;

  /** @param host address of the interface that it asks on */
  static async open(host: string): Promise<ClientSocket> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
    socket.bind(0, host);
    await once(socket, 'listening');
    socket.setMulticastInterface(host);
    return new ClientSocket(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    // An instance that is not there refuses; whoever waits for a reply asks again.
    socket.on('error', () => {});
    socket.on('message', (datagram, { port }) => this.#listener?.(parseReply(datagram, 4), port));
  }

  /** @param listener told every reply, and the port that it came from */
  onReply(listener: (reply: TrackerReply, source: number) => void): void {
    this.#listener = listener;
  }

  send(datagram: Uint8Array, { host, port }: Target): void {
    this.#socket.send(datagram, port, host);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}
