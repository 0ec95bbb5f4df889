import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  encodeAnnounceRequest,
  encodeConnectRequest,
  encodeScrapeRequest,
  parseReply,
  type TrackerReply,
} from '../../src/bittorrent/bep15.ts';
import type { TestGroup } from '../harness/test-network.ts';
import { type Announce, newTransactionId } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';

/** A datagram, and who sent it. */
export interface Heard {
  readonly datagram: Uint8Array;
  readonly host: string;
  readonly port: number;
  readonly transactionId: number;
}

export interface Answer<Action extends TrackerReply['action']> extends Heard {
  readonly reply: Extract<TrackerReply, { action: Action }>;
}

export type AnnounceWithId = Announce & { readonly connectionId: bigint };

/** Between two attempts; UDP may lose any of them, and an instance whose machine stood still drops some. */
const RETRY_MS = 1_000;
/** Between two attempts of one that wants to be answered by the first that may. */
const PRESSING_MS = 5;
const TRANSACTION_ID = 4;

/**
 * A BEP 15 client that takes answers from anywhere, and keeps them all: it asks groups, and sees who answers how often.
 * Every attempt is a transaction of its own. `await using` closes it.
 */
export class OpenClient {
  /** Every answer that came, in order. */
  readonly heard: Heard[] = [];
  readonly peerId = new Uint8Array(20).fill(0x6f);
  readonly #socket: Socket;
  readonly #family: 4 | 6;

  /** @param host its own address, on the interface where the groups are */
  static async open(host = '127.0.0.1'): Promise<OpenClient> {
    const family = host.includes(':') ? 6 : 4;
    const socket = createSocket(`udp${family}`);
    socket.bind(0, host);
    await once(socket, 'listening');
    if (family === 4) socket.setMulticastInterface(host);
    return new OpenClient(socket, family);
  }

  private constructor(socket: Socket, family: 4 | 6) {
    this.#socket = socket;
    this.#family = family;
    socket.on('message', (datagram, { address: host, port }) => {
      this.heard.push({ datagram, host, port, transactionId: datagram.readUInt32BE(TRANSACTION_ID) });
    });
  }

  get localPort(): number {
    return this.#socket.address().port;
  }

  /** Answers beyond the first one to a request, by who sent them. */
  get repeated(): string[] {
    const answered = new Set<number>();
    const repeated: string[] = [];
    for (const { transactionId, host, port } of this.heard) {
      if (answered.has(transactionId)) repeated.push(`${host}:${port}`);
      answered.add(transactionId);
    }
    return repeated;
  }

  /** Sends once, and waits for nothing. */
  async send(to: TestGroup, datagram: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(datagram, to.port, to.host, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  connect(to: TestGroup): Promise<Answer<'connect'>> {
    return this.#ask('connect', to, encodeConnectRequest);
  }

  announce(to: TestGroup, announce: AnnounceWithId): Promise<Answer<'announce'>> {
    return this.#ask('announce', to, (transactionId) => this.encodeAnnounce(announce, transactionId));
  }

  scrape(to: TestGroup, connectionId: bigint, infoHashes: readonly Uint8Array[]): Promise<Answer<'scrape'>> {
    return this.#ask('scrape', to, (transactionId) => encodeScrapeRequest({ connectionId, transactionId, infoHashes }));
  }

  /** Announces again and again, a transaction every few milliseconds, until one of them is answered. */
  async press(to: TestGroup, announce: AnnounceWithId): Promise<Heard> {
    const asked = new Set<number>();
    const timer = setInterval(() => {
      const transactionId = newTransactionId();
      asked.add(transactionId);
      void this.send(to, this.encodeAnnounce(announce, transactionId));
    }, PRESSING_MS);
    try {
      return await waitFor('an answer to any of many announces', () =>
        this.heard.find(({ transactionId }) => asked.has(transactionId)),
      );
    } finally {
      clearInterval(timer);
    }
  }

  encodeAnnounce(announce: AnnounceWithId, transactionId: number): Uint8Array {
    const defaults = { peerId: this.peerId, downloaded: 0n, left: 1n, uploaded: 0n, port: this.localPort };
    return encodeAnnounceRequest({ ...defaults, ...announce, transactionId });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  async #ask<Action extends TrackerReply['action']>(
    action: Action,
    to: TestGroup,
    encode: (transactionId: number) => Uint8Array,
  ): Promise<Answer<Action>> {
    const asked = new Set<number>();
    let sentAt = Number.NEGATIVE_INFINITY;
    const heard = await waitFor(`the answer to the ${action}`, async () => {
      if (performance.now() - sentAt >= RETRY_MS) {
        const transactionId = newTransactionId();
        asked.add(transactionId);
        sentAt = performance.now();
        await this.send(to, encode(transactionId));
      }
      return this.heard.find(({ transactionId }) => asked.has(transactionId));
    });
    const reply = parseReply(heard.datagram, this.#family);
    if (reply.action !== action) throw new Error(`asked for ${action}, got ${JSON.stringify(reply)}`);
    return { ...heard, reply: reply as Answer<Action>['reply'] };
  }
}
