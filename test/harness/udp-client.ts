import { randomBytes, randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  type AnnounceRequest,
  encodeAnnounceRequest,
  encodeConnectRequest,
  encodeScrapeRequest,
  parseReply,
  type TrackerReply,
} from '../../src/bittorrent/bep15.ts';
import { DEADLINE_MS, waitFor } from './wait-for.ts';

type ReplyOf<Action extends TrackerReply['action']> = Extract<TrackerReply, { action: Action }>;
/** What a test wants to say; the rest is made up: a peer of its own that has nothing yet. */
export type Announce = Partial<Omit<AnnounceRequest, 'transactionId'>> & { infoHash: Uint8Array };

/** Datagrams kept until a test takes them. */
const MAX_KEPT = 10_000;
/** Between two attempts; UDP may lose any of them. */
const RETRY_MS = 1_000;

/** A BEP 15 client for tests: one socket, one peer. `await using` closes it. */
export class UdpClient {
  /** Every datagram that came, in order. */
  readonly received: Uint8Array[] = [];
  readonly peerId = Uint8Array.from(randomBytes(20));
  readonly #socket: Socket;
  readonly #family: 4 | 6;
  #connectionId: bigint | undefined;

  /** @param host address of the tracker; its family is that of the socket */
  static async open(host: string, port: number, options: { localAddress?: string } = {}): Promise<UdpClient> {
    const family = host.includes(':') ? 6 : 4;
    const socket = createSocket(`udp${family}`);
    socket.bind(0, options.localAddress ?? host);
    await once(socket, 'listening');
    socket.connect(port, host);
    await once(socket, 'connect');
    return new UdpClient(socket, family);
  }

  private constructor(socket: Socket, family: 4 | 6) {
    this.#socket = socket;
    this.#family = family;
    socket.on('message', (datagram) => {
      if (this.received.length >= MAX_KEPT) this.received.shift();
      this.received.push(datagram);
    });
    // A refused datagram comes back as an error of the socket; the wait for the reply says what is missing.
    socket.on('error', () => {});
  }

  get localPort(): number {
    return this.#socket.address().port;
  }

  /** Asks for a connection ID and keeps it for the requests to come. */
  async connect(): Promise<bigint> {
    const reply = await this.#ask('connect', encodeConnectRequest);
    this.#connectionId = reply.connectionId;
    return reply.connectionId;
  }

  /** @throws with the tracker's message, when it replies with an error */
  async announce(announce: Announce): Promise<ReplyOf<'announce'>> {
    const connectionId = announce.connectionId ?? this.#connectionId ?? (await this.connect());
    return this.#ask('announce', (transactionId) => this.encodeAnnounce({ ...announce, connectionId }, transactionId));
  }

  /** @throws with the tracker's message, when it replies with an error */
  async scrape(infoHashes: readonly Uint8Array[]): Promise<ReplyOf<'scrape'>> {
    const connectionId = this.#connectionId ?? (await this.connect());
    return this.#ask('scrape', (transactionId) => encodeScrapeRequest({ connectionId, transactionId, infoHashes }));
  }

  /** The bytes of an announce, for a test to bend before it sends them. */
  encodeAnnounce(announce: Announce & { connectionId: bigint }, transactionId = newTransactionId()): Uint8Array {
    const defaults = { peerId: this.peerId, downloaded: 0n, left: 1n, uploaded: 0n, port: this.localPort };
    return encodeAnnounceRequest({ ...defaults, ...announce, transactionId });
  }

  /** Sends any bytes, once, and expects nothing. */
  async send(datagram: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(datagram, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** The reply of the transaction, when it is there. */
  replyTo(transactionId: number): TrackerReply | undefined {
    for (const datagram of this.received) {
      if (datagram.length < 8) continue;
      const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
      if (view.getUint32(4) === transactionId) return parseReply(datagram, this.#family);
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  /** Sends the same request until it is answered. */
  async #ask<Action extends TrackerReply['action']>(
    action: Action,
    encode: (transactionId: number) => Uint8Array,
  ): Promise<ReplyOf<Action>> {
    const transactionId = newTransactionId();
    const request = encode(transactionId);
    let sentAt = Number.NEGATIVE_INFINITY;
    const reply = await waitFor(
      `the reply to the ${action}`,
      async () => {
        if (performance.now() - sentAt > RETRY_MS) {
          await this.send(request);
          sentAt = performance.now();
        }
        return this.replyTo(transactionId);
      },
      DEADLINE_MS,
    );
    if (reply.action === 'error') throw new Error(`the tracker replied: ${reply.message}`);
    if (reply.action !== action) throw new Error(`asked for ${action}, got ${reply.action}`);
    return reply as ReplyOf<Action>;
  }
}

export function newTransactionId(): number {
  return randomInt(2 ** 32);
}

/** An info-hash nobody else uses. */
export function newInfoHash(): Uint8Array {
  return Uint8Array.from(randomBytes(20));
}
