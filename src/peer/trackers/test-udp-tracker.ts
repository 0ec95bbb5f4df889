import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  ANNOUNCE_EVENT,
  ANNOUNCE_INFO_HASH,
  ANNOUNCE_KEY,
  ANNOUNCE_LEFT,
  ANNOUNCE_OPTIONS,
  ANNOUNCE_PORT,
  classifyRequest,
  REQUEST_CONNECT,
  REQUEST_CONNECTION_ID,
  REQUEST_TRANSACTION_ID,
  writeAnnounceReplyHeader,
  writeConnectReply,
  writeErrorReply,
} from '../../bittorrent/bep15.ts';
import { readUrlData } from '../../bittorrent/bep41.ts';
import { parseIp, writeCompactPeer } from '../../bittorrent/compact-peers.ts';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';

/** A request as it came. */
export interface Heard {
  readonly kind: 'connect' | 'announce';
  readonly atMs: number;
  readonly from: PeerEndpoint;
  readonly transactionId: number;
  readonly connectionId: bigint;
  readonly infoHash: string;
  readonly event: number;
  readonly key: number;
  readonly left: bigint;
  readonly port: number;
  readonly urlData: string | undefined;
}

/** What it does with a request: replies, nothing, or an error with this message. */
export type Manner = (request: Heard, count: number) => 'reply' | 'silence' | { readonly error: string };

/** A UDP tracker whose every answer a test decides. `await using` closes it. */
export class TestUdpTracker implements AsyncDisposable {
  readonly heard: Heard[] = [];
  manner: Manner = () => 'reply';
  peers: readonly PeerEndpoint[] = [];
  intervalSeconds = 1_800;
  /** The ID that it gives next. */
  connectionId = BigInt(randomInt(2 ** 40));
  readonly #socket: Socket;

  static async open(host = '127.0.0.1', port = 0): Promise<TestUdpTracker> {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', ipv6Only: host.includes(':') });
    socket.bind(port, host);
    await once(socket, 'listening');
    return new TestUdpTracker(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (datagram, { address, port }) => this.hear(datagram, { host: address, port }));
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get url(): string {
    const { address, family, port } = this.#socket.address();
    return `udp://${family === 'IPv6' ? `[${address}]` : address}:${port}/announce`;
  }

  get announces(): Heard[] {
    return this.heard.filter(({ kind }) => kind === 'announce');
  }

  get connects(): Heard[] {
    return this.heard.filter(({ kind }) => kind === 'connect');
  }

  /** Any bytes. */
  send(datagram: Uint8Array, to: PeerEndpoint): void {
    this.#socket.send(datagram, to.port, to.host);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  /** Takes a request that came by another way, and replies from its own socket. */
  hear(datagram: Uint8Array, from: PeerEndpoint): void {
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    const kind = classifyRequest(view, 0, datagram.length) === REQUEST_CONNECT ? 'connect' : 'announce';
    const isAnnounce = kind === 'announce';
    const request: Heard = {
      kind,
      atMs: performance.now(),
      from,
      transactionId: view.getUint32(REQUEST_TRANSACTION_ID),
      connectionId: view.getBigUint64(REQUEST_CONNECTION_ID),
      infoHash: isAnnounce ? Buffer.from(datagram).toString('hex', ANNOUNCE_INFO_HASH, ANNOUNCE_INFO_HASH + 20) : '',
      event: isAnnounce ? view.getUint32(ANNOUNCE_EVENT) : 0,
      key: isAnnounce ? view.getUint32(ANNOUNCE_KEY) : 0,
      left: isAnnounce ? view.getBigUint64(ANNOUNCE_LEFT) : 0n,
      port: isAnnounce ? view.getUint16(ANNOUNCE_PORT) : 0,
      urlData: isAnnounce ? readUrlData(datagram, ANNOUNCE_OPTIONS, datagram.length) : undefined,
    };
    this.heard.push(request);
    const does = this.manner(request, this.heard.length);
    if (does !== 'silence') this.send(this.#reply(request, does), from);
  }

  #reply(request: Heard, does: 'reply' | { readonly error: string }): Uint8Array {
    const bytes = new Uint8Array(1_200);
    const view = new DataView(bytes.buffer);
    const { transactionId } = request;
    if (typeof does === 'object') {
      return bytes.subarray(0, writeErrorReply(view, 0, transactionId, new TextEncoder().encode(does.error)));
    }
    if (request.kind === 'connect') {
      const [high, low] = [Number(this.connectionId >> 32n), Number(this.connectionId & 0xffffffffn)];
      return bytes.subarray(0, writeConnectReply(view, 0, transactionId, high, low));
    }
    let at = writeAnnounceReplyHeader(view, 0, transactionId, this.intervalSeconds, 0, 0);
    for (const { host, port } of this.peers) at = writeCompactPeer(bytes, at, parseIp(host)!, port);
    return bytes.subarray(0, at);
  }
}
