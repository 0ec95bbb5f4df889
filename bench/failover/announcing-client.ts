import { createHash, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { encodeAnnounceRequest, encodeConnectRequest, parseReply } from '../../src/bittorrent/bep15.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { type Client, Pace } from './client.ts';

/** Transactions that are remembered: minutes of them. */
const TRANSACTIONS = 1 << 16;
/** New peers come in so many swarms; the port tells those of one swarm apart. */
const SWARMS = 1_000;
const FIRST_PORT = 1_024;
const PORTS = 60_000;

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * A BEP 15 client whose every announce is of a new peer, which only a quorum can acknowledge. Nothing is sent twice: an announce
 * that nobody answered is lost to it, as the next one is soon due.
 */
export class AnnouncingClient implements Client {
  readonly acknowledgements = new Acknowledgements();
  readonly pace: Pace;
  readonly view: string;
  readonly #socket: Socket;
  readonly #to: Address;
  readonly #salt = randomBytes(8);
  readonly #peerId = randomBytes(20);
  readonly #sentMs = new Float64Array(TRANSACTIONS);
  #connectionId: bigint | undefined;
  #announces = 0;

  /** @param to an instance, or the group in which the master answers */
  static async open(view: string, to: Address): Promise<AnnouncingClient> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.setMulticastInterface('127.0.0.1');
    return new AnnouncingClient(view, to, socket);
  }

  private constructor(view: string, to: Address, socket: Socket) {
    this.view = view;
    this.#to = to;
    this.#socket = socket;
    socket.on('message', (datagram) => this.#take(datagram));
    this.pace = new Pace((nowMs) => this.#ask(nowMs));
  }

  close(): void {
    this.pace.stop();
    this.#socket.close();
  }

  /** A connection ID outlives the master that gave it, and any trial. */
  #ask(nowMs: number): void {
    this.#send(this.#connectionId === undefined ? encodeConnectRequest(0) : this.#announce(this.#connectionId, nowMs));
  }

  #announce(connectionId: bigint, nowMs: number): Uint8Array {
    const number = ++this.#announces;
    this.#sentMs[number % TRANSACTIONS] = nowMs;
    return encodeAnnounceRequest({
      connectionId,
      transactionId: number,
      infoHash: createHash('sha1')
        .update(this.#salt)
        .update(`${number % SWARMS}`)
        .digest(),
      peerId: this.#peerId,
      downloaded: 0n,
      left: 1n,
      uploaded: 0n,
      event: 2,
      key: 0,
      numWant: 10,
      port: FIRST_PORT + (Math.floor(number / SWARMS) % PORTS),
    });
  }

  #send(datagram: Uint8Array): void {
    this.#socket.send(datagram, this.#to.port, this.#to.host);
  }

  #take(datagram: Uint8Array): void {
    const atMs = performance.now();
    const reply = parseReply(datagram, 4);
    if (reply.action === 'connect') {
      this.#connectionId = reply.connectionId;
      return;
    }
    const slot = reply.transactionId % TRANSACTIONS;
    const sentMs = this.#sentMs[slot]!;
    // Every request is answered once at most.
    this.#sentMs[slot] = 0;
    if (sentMs === 0) this.acknowledgements.repeated++;
    else if (reply.action === 'announce') this.acknowledgements.add(sentMs, atMs);
    else this.acknowledgements.refused++;
  }
}
