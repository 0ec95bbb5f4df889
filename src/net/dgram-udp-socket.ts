import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { DatagramSlots, ENDPOINT_BYTES, type IpFamily } from './datagram-slots.ts';
import { multicastInterface } from './multicast-interface.ts';
import { endpointHost, endpointPort, familyOf, writeEndpoint } from './socket-address.ts';
import {
  BATCH_SLOTS,
  RECEIVE_STRIDE,
  SEND_STRIDE,
  SOCKET_BUFFER_BYTES,
  SocketError,
  type UdpSocket,
  type UdpSocketOptions,
} from './udp-socket.ts';

/** UDP by node:dgram, for systems other than Linux: a third of the rate, the same behaviour. */
export async function openDgramUdpSocket(options: UdpSocketOptions): Promise<UdpSocket> {
  const { host, port, group } = options;
  const family = familyOf(group ?? host);
  if (family === undefined) throw new SocketError('EINVAL', `cannot bind ${group ?? host}: not an IP address`);
  const joinedOn = group === undefined ? undefined : multicastInterface(host, group);
  const socket = createSocket({
    type: `udp${family}`,
    reuseAddr: joinedOn !== undefined,
    ...(family === 6 && { ipv6Only: true }),
  });
  try {
    socket.bind({ address: group ?? host, port, exclusive: true });
    await once(socket, 'listening');
    if (joinedOn !== undefined) socket.addMembership(group as string, joinedOn);
  } catch (cause) {
    socket.close();
    const code = (cause as NodeJS.ErrnoException).code ?? 'UNKNOWN';
    const what = joinedOn === undefined ? 'bind' : `join ${group} on`;
    throw new SocketError(code, `cannot ${what} ${family === 6 ? `[${host}]` : host}:${port}: ${code}`, { cause });
  }
  return new DgramUdpSocket(socket, family, options);
}

class DgramUdpSocket implements UdpSocket {
  readonly family: IpFamily;
  readonly host: string;
  readonly port: number;
  readonly received = new DatagramSlots(BATCH_SLOTS, RECEIVE_STRIDE);
  readonly outgoing = new DatagramSlots(BATCH_SLOTS, SEND_STRIDE);
  unsent = 0;

  readonly #socket: Socket;
  readonly #receiveOnly: boolean;
  #onBatch: (count: number) => void = () => {};
  #arrived = 0;
  #queued = 0;
  #closed = false;

  constructor(socket: Socket, family: IpFamily, { host, group }: UdpSocketOptions) {
    this.#socket = socket;
    this.family = family;
    this.host = host;
    this.#receiveOnly = group !== undefined;
    this.port = socket.address().port;
    // An error after binding belongs to one datagram that could not be sent; `send` counts it.
    socket.on('error', () => {});
    try {
      socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
      socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
    } catch {
      // The system allows less: smaller buffers lose more in a burst, and nothing else.
    }
  }

  start(onBatch: (count: number) => void): void {
    this.#onBatch = onBatch;
    this.#socket.on('message', (message, from) => this.#take(message, from));
  }

  reserve(): number {
    if (this.#queued === BATCH_SLOTS) this.flush();
    return this.#queued;
  }

  queue(bytes: number): void {
    this.outgoing.lengths[this.#queued++] = bytes;
  }

  flush(): void {
    const { bytes, endpoints, lengths, stride } = this.outgoing;
    const count = this.#queued;
    this.#queued = 0;
    if (this.#closed) return;
    if (this.#receiveOnly) {
      this.unsent += count;
      return;
    }
    for (let slot = 0; slot < count; slot++) {
      const from = slot * ENDPOINT_BYTES;
      const port = endpointPort(endpoints, from);
      if (port === 0) {
        // Node refuses port 0 by an exception, the kernel by an error.
        this.unsent++;
        continue;
      }
      // dgram sends later: it needs bytes of its own.
      const datagram = bytes.slice(slot * stride, slot * stride + lengths[slot]);
      this.#socket.send(datagram, port, endpointHost(endpoints, from, this.family), (error) => {
        if (error) this.unsent++;
      });
    }
  }

  drop(): void {
    this.#queued = 0;
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#socket.close();
  }

  /** Gathers what arrives in one turn of the event loop into one batch. */
  #take(message: Uint8Array, from: RemoteInfo): void {
    if (this.#arrived === 0) setImmediate(() => this.#handOver());
    const slot = this.#arrived++;
    const { bytes, endpoints, lengths, stride } = this.received;
    lengths[slot] = Math.min(message.length, stride);
    bytes.set(message.length > stride ? message.subarray(0, stride) : message, slot * stride);
    writeEndpoint(endpoints, slot * ENDPOINT_BYTES, this.family, from.address, from.port);
    if (this.#arrived === BATCH_SLOTS) this.#handOver();
  }

  #handOver(): void {
    const count = this.#arrived;
    this.#arrived = 0;
    if (count === 0 || this.#closed) return;
    this.#onBatch(count);
    this.flush();
  }
}
