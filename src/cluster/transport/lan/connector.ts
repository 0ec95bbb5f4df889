import type { Socket } from 'node:net';
import type { ClusterId } from '../../consensus/identity.ts';
import { type DisconnectReason, FOREIGN_REPORT_MS, type TransportCounters } from '../member-transport.ts';
import { MalformedError } from '../wire.ts';
import {
  DIAL_GRACE_MS,
  DIAL_MS,
  FORGET_MS,
  GOODBYE_MS,
  HANDSHAKE_MS,
  MAX_DIALS,
  MAX_HANDSHAKE_BYTES,
  MAX_REDIAL_MS,
  REDIAL_MS,
  STUCK_DIAL_MS,
} from './bounds.ts';
import { type Card, incarnationKey, isForeign, isSmaller } from './card.ts';
import { FramedConnection } from './frames.ts';
import {
  type DatagramOrigin,
  decodeHello,
  decodeRefusal,
  decodeWelcome,
  encodeHello,
  encodeRefusal,
  encodeWelcome,
  HELLO,
  type Hello,
  REFUSAL,
  type RefusalReason,
  WELCOME,
} from './handshake.ts';
import type { KnownPeer, PeerBook } from './known-peer.ts';
import type { MemberStreams } from './member-streams.ts';

/** What the connector needs of the transport around it. */
export interface ConnectorHost {
  readonly book: PeerBook;
  readonly streams: MemberStreams;
  readonly counters: TransportCounters;
  /** What this instance says of itself now. */
  card(): Card;
  origin(): DatagramOrigin;
  /** May that host be dialed? Without a key only this machine's. */
  isReachable(host: string): boolean;
  linked(peer: KnownPeer, connection: FramedConnection, as: LinkedAs): void;
  /** The link of that peer is to be closed: it has a new one, or none at all any more. */
  unlink(peer: KnownPeer, reason: DisconnectReason): void;
  died(peer: KnownPeer, proof: 'refused' | 'superseded'): void;
  foreign(cluster: ClusterId, host: string): void;
}

export interface LinkedAs {
  readonly dialed: boolean;
  readonly ordinal: number;
  readonly origin: DatagramOrigin;
}

/**
 * One connection per pair of processes.
 *
 * Of two that hear of each other for the first time, the smaller incarnation dials; the other one does after a grace, in case
 * the network lets connections through in one direction only. After a connection broke, both dial at once: whether the
 * address refuses is what tells a dead process from a broken connection.
 *
 * So dials can cross. A dial means that its dialer knows of no connection. The smaller one's dial wins: it refuses the
 * other's hello as `crossed` while its own dial is under way, and also when its own has just succeeded and the other could
 * not know (its hello counts fewer accepted connections than this one's ordinal). Any other hello replaces what was there.
 */
export class Connector {
  readonly #host: ConnectorHost;
  #dials = 0;
  #underWay = 0;
  #closed = false;

  constructor(host: ConnectorHost) {
    this.#host = host;
  }

  /** That peer was heard and has no link. */
  consider(peer: KnownPeer, now: number): void {
    if (peer.dial?.connected === false && now - peer.dial.since > STUCK_DIAL_MS) {
      // It was dialed into a dead network, which lives again.
      this.#abandon(peer);
      this.#plan(peer, 0);
    } else if (peer.dial === null && peer.timer === undefined) {
      const first = isSmaller(this.#host.card().incarnation, peer.incarnation);
      this.#plan(peer, first || peer.failures > 0 ? 0 : DIAL_GRACE_MS);
    }
  }

  /** The link of that peer broke: is it the process or the connection? */
  probe(peer: KnownPeer): void {
    this.#plan(peer, 0);
  }

  /** An accepted connection: whoever speaks first must say hello. */
  accept(socket: Socket, proven: () => void): void {
    const { counters } = this.#host;
    const late = setTimeout(() => fail(), HANDSHAKE_MS);
    const connection = new FramedConnection(socket, MAX_HANDSHAKE_BYTES, {
      frame: (kind, body) => {
        clearTimeout(late);
        try {
          if (kind !== HELLO) throw new MalformedError(`frame ${kind} in place of a hello`);
          this.#answer(connection, body, proven);
        } catch (error) {
          if (!(error instanceof MalformedError)) throw error;
          fail();
        }
      },
      drained: () => {},
      ended: (reason) => {
        clearTimeout(late);
        // Without a word, it has thought better of it, as whoever dials does when dials cross.
        if (reason === 'protocol') counters.handshakesFailed++;
      },
    });
    const fail = () => {
      counters.handshakesFailed++;
      connection.destroy();
    };
  }

  close(): void {
    this.#closed = true;
    for (const peer of this.#host.book.all) {
      clearTimeout(peer.timer);
      this.#abandon(peer);
    }
  }

  #answer(connection: FramedConnection, body: Uint8Array, proven: () => void): void {
    const host = this.#host;
    const hello = decodeHello(body);
    const card = host.card();
    if (hello.card.clusterName !== card.clusterName || !host.isReachable(hello.card.host)) {
      throw new MalformedError('a hello of another cluster');
    }
    proven();
    const peer = this.#admit(hello);
    if (typeof peer === 'string') {
      void connection.goodbye(REFUSAL, encodeRefusal({ card, reason: peer }), GOODBYE_MS);
      return;
    }
    peer.lastDial = hello.dial;
    peer.accepted++;
    peer.card = hello.card;
    this.#abandon(peer);
    if (peer.link !== null) host.unlink(peer, 'replaced');
    connection.send(WELCOME, encodeWelcome({ card, origin: host.origin(), ordinal: peer.accepted }));
    host.linked(peer, connection, { dialed: false, ordinal: peer.accepted, origin: hello.origin });
  }

  #admit({ card: from, to, dial, accepted }: Hello): KnownPeer | RefusalReason {
    const host = this.#host;
    const card = host.card();
    const self = incarnationKey(card.incarnation);
    if (incarnationKey(to) !== self || incarnationKey(from.incarnation) === self) return 'not-me';
    if (isForeign(from, card)) {
      host.foreign(from.cluster as ClusterId, from.host);
      return 'foreign';
    }
    const peer = host.book.get(from.incarnation) ?? host.book.add(from, performance.now());
    if (peer === undefined) return 'full';
    const mineCrossed = peer.dial?.helloSent === true && isSmaller(card.incarnation, from.incarnation);
    const mineSucceeded = peer.link?.dialed === true && accepted < peer.link.ordinal;
    return mineCrossed || mineSucceeded || dial <= peer.lastDial ? 'crossed' : peer;
  }

  /** Dials after `delayMs`, but not before the peer's own pause is over. */
  #plan(peer: KnownPeer, delayMs: number): void {
    if (this.#closed || peer.link !== null || peer.dial !== null) return;
    clearTimeout(peer.timer);
    const wait = Math.max(delayMs, peer.notBefore - performance.now());
    if (wait <= 0) this.#dial(peer);
    else {
      peer.timer = setTimeout(() => {
        peer.timer = undefined;
        if (peer.link === null && peer.dial === null) this.#dial(peer);
      }, wait);
    }
  }

  #dial(peer: KnownPeer): void {
    clearTimeout(peer.timer);
    peer.timer = undefined;
    if (this.#underWay >= MAX_DIALS) {
      this.#failed(peer, 'EAGAIN');
      return;
    }
    this.#underWay++;
    const number = ++this.#dials;
    let over = false;
    const end = () => {
      if (over) return false;
      over = true;
      clearTimeout(late);
      this.#underWay--;
      peer.dial = null;
      return true;
    };
    const socket = this.#host.streams.dial(peer.host, peer.port, () => {
      if (!over) this.#hello(peer, socket, number, dial, end);
    });
    const late = setTimeout(() => fail('ETIMEDOUT'), DIAL_MS);
    const fail = (code: string) => {
      socket.destroy();
      if (end()) this.#failed(peer, code);
    };
    socket.on('error', ({ code = 'UNKNOWN' }: NodeJS.ErrnoException) => fail(code));
    socket.on('close', () => fail('ECONNRESET'));
    socket.on('connect', () => {
      dial.connected = true;
    });
    const dial = {
      since: performance.now(),
      connected: false,
      helloSent: false,
      abandon: () => {
        end();
        socket.destroy();
      },
    };
    peer.dial = dial;
  }

  #hello(peer: KnownPeer, socket: Socket, number: number, dial: { helloSent: boolean }, end: () => boolean): void {
    const host = this.#host;
    const fail = (code: string) => {
      connection.destroy();
      if (end()) this.#failed(peer, code);
    };
    const connection = new FramedConnection(socket, MAX_HANDSHAKE_BYTES, {
      frame: (kind, body) => {
        try {
          if (kind === WELCOME) this.#welcomed(peer, connection, body, end);
          else if (kind === REFUSAL) this.#refused(peer, connection, body, end);
          else throw new MalformedError(`frame ${kind} in place of an answer to a hello`);
        } catch (error) {
          if (!(error instanceof MalformedError)) throw error;
          host.counters.handshakesFailed++;
          fail('EPROTO');
        }
      },
      drained: () => {},
      ended: (_reason, error) => fail(error?.code ?? 'ECONNRESET'),
    });
    dial.helloSent = true;
    const hello = { card: host.card(), origin: host.origin(), to: peer.incarnation, dial: number };
    connection.send(HELLO, encodeHello({ ...hello, accepted: peer.accepted }));
  }

  #welcomed(peer: KnownPeer, connection: FramedConnection, body: Uint8Array, end: () => boolean): void {
    const { card, origin, ordinal } = decodeWelcome(body);
    if (incarnationKey(card.incarnation) !== peer.key || card.clusterName !== this.#host.card().clusterName) {
      throw new MalformedError('a welcome by somebody else');
    }
    if (!end()) return;
    peer.card = card;
    this.#host.linked(peer, connection, { dialed: true, ordinal, origin });
  }

  #refused(peer: KnownPeer, connection: FramedConnection, body: Uint8Array, end: () => boolean): void {
    const { card, reason } = decodeRefusal(body);
    connection.destroy();
    if (!end()) return;
    const now = performance.now();
    if (reason === 'crossed') this.#plan(peer, DIAL_GRACE_MS);
    else if (reason === 'full') this.#failed(peer, 'EBUSY');
    else if (reason === 'foreign') {
      peer.notBefore = now + FOREIGN_REPORT_MS;
      if (card.cluster !== null) this.#host.foreign(card.cluster, card.host);
    } else {
      // Somebody else listens where that process did.
      peer.failures++;
      peer.notBefore = now + MAX_REDIAL_MS;
      this.#host.died(peer, 'superseded');
    }
  }

  #failed(peer: KnownPeer, code: string): void {
    const now = performance.now();
    peer.failures++;
    peer.notBefore = now + redialPauseMs(peer.failures);
    if (code === 'ECONNREFUSED') this.#host.died(peer, 'refused');
    // One that never was there is dialed again when it is heard again.
    if (peer.wasLinked && !peer.dead && now - peer.heardAt < FORGET_MS) this.#plan(peer, 0);
  }

  #abandon(peer: KnownPeer): void {
    clearTimeout(peer.timer);
    peer.timer = undefined;
    peer.dial?.abandon();
  }
}

/** How long a peer is left alone after so many dials in a row that led to nothing. */
export function redialPauseMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(REDIAL_MS * 2 ** Math.min(failures - 1, 16), MAX_REDIAL_MS);
}
