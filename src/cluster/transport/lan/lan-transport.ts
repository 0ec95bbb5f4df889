import { isIP } from 'node:net';
import { type MulticastSocket, openMulticastSocket } from '../../../net/multicast-socket.ts';
import type { ClusterId, Incarnation, MemberId } from '../../consensus/identity.ts';
import type { MemberKey } from '../member-key.ts';
import {
  type DeathProof,
  type DisconnectReason,
  FOREIGN_REPORT_MS,
  MAX_BROADCAST_BYTES,
  MAX_KIND,
  MAX_MESSAGE_BYTES,
  MAX_QUEUED_BYTES,
  type MemberTransport,
  noCounts,
  type Peer,
  type SendOutcome,
  type TransportCounters,
  TransportError,
  type TransportListener,
} from '../member-transport.ts';
import { MalformedError } from '../wire.ts';
import {
  ANNOUNCE_MS,
  ANNOUNCE_PAUSE_MS,
  FORGET_MS,
  GOODBYE_MS,
  MAX_FOREIGN,
  PULSE_MS,
  PULSE_SLACK,
  SILENT_MS,
  STABLE_MS,
  STALL_MS,
  STALLED_MS,
  STRANDED_MS,
  TICK_MS,
} from './bounds.ts';
import { type Card, incarnationKey, isForeign, MAX_CLUSTER_NAME_BYTES } from './card.ts';
import { Connector, type LinkedAs, redialPauseMs } from './connector.ts';
import { DatagramSeal } from './datagram-seal.ts';
import type { FramedConnection } from './frames.ts';
import {
  type DatagramOrigin,
  decodeGoodbye,
  decodePulse,
  encodeGoodbye,
  encodePulse,
  GOODBYE,
  PULSE,
} from './handshake.ts';
import { type KnownPeer, type Link, PeerBook } from './known-peer.ts';
import { decodeDatagram, encodeDatagram } from './member-datagram.ts';
import { MemberStreams } from './member-streams.ts';
import { RefusalLog } from './refusal-log.ts';
import { ReplayWindow } from './replay-window.ts';

export interface LanOptions {
  readonly clusterName: string;
  readonly cluster: ClusterId | null;
  readonly self: Incarnation;
  /** An address of this machine that the other members reach; with a key of any interface, without one of loopback. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly group?: string;
  readonly groupPort?: number;
  readonly key: MemberKey | null;
  /** Told now and then (see RefusalLog) how much was refused and why. */
  readonly warn?: (message: string) => void;
}

export const DEFAULT_MEMBER_GROUP = '239.255.77.70';
export const DEFAULT_MEMBER_GROUP_PORT = 6970;

/**
 * Opens the transport for one network: discovery and datagrams by multicast, messages by TCP. See README.md.
 * @throws {TransportError} NO_KEY: a host that is not loopback needs one; EINVAL: a name or host that cannot be; or the system's
 * @throws {SocketError} the group cannot be joined
 */
export async function openLanTransport(options: LanOptions): Promise<MemberTransport> {
  const { clusterName, key, host, group = DEFAULT_MEMBER_GROUP, groupPort = DEFAULT_MEMBER_GROUP_PORT } = options;
  if (isIP(host) === 0 || host === '0.0.0.0' || host === '::') {
    throw new TransportError('EINVAL', `members cannot reach ${host}: give the address of one interface`);
  }
  if (key === null && !isLoopback(host)) {
    throw new TransportError(
      'NO_KEY',
      `${host} can be reached from other machines: give the cluster a key (--key-file)`,
    );
  }
  if (clusterName === '' || Buffer.byteLength(clusterName) > MAX_CLUSTER_NAME_BYTES) {
    throw new TransportError('EINVAL', `a cluster's name has 1 to ${MAX_CLUSTER_NAME_BYTES} bytes`);
  }
  const transport = new LanTransport(options);
  await transport.open(group, groupPort);
  return transport;
}

class LanTransport implements MemberTransport {
  readonly self: Incarnation;
  readonly host: string;
  readonly counters: TransportCounters = noCounts();
  readonly book = new PeerBook();
  readonly streams: MemberStreams;
  readonly #sealed: boolean;
  readonly #seal: DatagramSeal;
  readonly #connector: Connector;
  readonly #refusals: RefusalLog;
  #card: Card;
  /** Set by `open`. */
  #multicast!: MulticastSocket;
  #listener: TransportListener | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #tickedAt = 0;
  #announcement: NodeJS.Timeout | undefined;
  #broadcastAt = Number.NEGATIVE_INFINITY;
  readonly #foreignAt = new Map<ClusterId, number>();
  #closing: Promise<void> | undefined;

  constructor({ clusterName, cluster, self, host, port, key, warn = () => {} }: LanOptions) {
    this.self = self;
    this.host = host;
    this.#card = { clusterName, cluster, incarnation: self, host, port };
    this.#sealed = key !== null;
    this.#seal = new DatagramSeal(key, clusterName);
    this.streams = new MemberStreams(key, clusterName, this.counters);
    this.#refusals = new RefusalLog(this.counters, warn);
    this.#connector = new Connector(this);
  }

  async open(group: string, groupPort: number): Promise<void> {
    const port = await this.streams.listen(this.host, this.#card.port, (socket, proven) => {
      if (this.#listener === undefined || this.#closing) socket.destroy();
      else this.#connector.accept(socket, proven);
    });
    this.#card = { ...this.#card, port };
    const onDatagram = (datagram: Uint8Array, from: string) => this.#hear(datagram, from);
    try {
      this.#multicast = await openMulticastSocket({ group, port: groupPort, host: this.host, onDatagram });
    } catch (error) {
      this.streams.close();
      throw error;
    }
  }

  get port(): number {
    return this.#card.port;
  }

  start(listener: TransportListener): void {
    this.#listener = listener;
    this.#tickedAt = performance.now();
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#announce();
  }

  setCluster(cluster: ClusterId | null): void {
    this.#card = { ...this.#card, cluster };
    for (const peer of this.book.all) {
      if (peer.link !== null && isForeign(peer, this.#card)) this.#dismiss(peer);
      // Who was foreign may be a friend now, and is dialed when it is heard.
      clearTimeout(peer.timer);
      peer.timer = undefined;
      peer.notBefore = 0;
    }
    if (this.#listener !== undefined) this.#announce();
  }

  send(to: MemberId | Incarnation, kind: number, body: Uint8Array): SendOutcome {
    if (!(kind >= 0 && kind <= MAX_KIND)) throw new RangeError(`message kind ${kind} is not 0 to ${MAX_KIND}`);
    if (body.length > MAX_MESSAGE_BYTES) {
      throw new RangeError(`a message of ${body.length} bytes is longer than ${MAX_MESSAGE_BYTES}`);
    }
    const link = this.book.route(to, performance.now())?.link;
    if (!link) return 'unreachable';
    const queued = link.connection.queuedBytes;
    if (queued > 0 && queued + body.length > MAX_QUEUED_BYTES) {
      link.heldBack = true;
      this.counters.messagesHeldBack++;
      return 'full';
    }
    link.connection.send(kind, body);
    this.counters.messagesSent++;
    return 'sent';
  }

  queuedBytes(to: MemberId | Incarnation): number {
    return this.book.route(to, performance.now())?.link?.connection.queuedBytes ?? 0;
  }

  broadcast(body: Uint8Array): void {
    if (body.length > MAX_BROADCAST_BYTES) {
      throw new RangeError(`a datagram of ${body.length} bytes is longer than ${MAX_BROADCAST_BYTES}`);
    }
    if (this.#listener === undefined || this.#closing) return;
    this.#send(body);
  }

  peers(): readonly Peer[] {
    return [...this.book.linked];
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#ticker);
    clearTimeout(this.#announcement);
    this.#multicast.close();
    // First nobody listens, then the peers are told: whoever tries to make sure is refused.
    this.streams.close();
    this.#connector.close();
    const goodbyes = this.book.linked.map((peer) => {
      const { connection } = peer.link as Link;
      peer.link = null;
      return connection.goodbye(GOODBYE, encodeGoodbye('stopping'), GOODBYE_MS);
    });
    this.book.linked.length = 0;
    await Promise.all(goodbyes);
  }

  // What the connector needs, see ConnectorHost.

  card(): Card {
    return this.#card;
  }

  origin(): DatagramOrigin {
    return { salt: this.#seal.salt, counter: this.#seal.counter };
  }

  isReachable(host: string): boolean {
    return this.#sealed || isLoopback(host);
  }

  linked(peer: KnownPeer, connection: FramedConnection, { dialed, ordinal, origin }: LinkedAs): void {
    const now = performance.now();
    const link: Link = {
      connection,
      since: now,
      dialed,
      ordinal,
      salt: Buffer.from(origin.salt).toString('latin1'),
      window: new ReplayWindow(origin.counter),
      strandedAt: null,
      heldBack: false,
    };
    clearTimeout(peer.timer);
    peer.timer = undefined;
    peer.link = link;
    peer.wasLinked = true;
    peer.dead = false;
    peer.heardAt = now;
    this.book.linked.push(peer);
    connection.promote(1 + MAX_MESSAGE_BYTES, {
      frame: (kind, body) => this.#frame(peer, link, kind, body),
      drained: () => {
        if (link.heldBack && connection.queuedBytes === 0) {
          link.heldBack = false;
          this.#listener?.drained(peer);
        }
      },
      ended: (reason) => {
        if (peer.link === link) this.unlink(peer, reason);
      },
    });
    this.#listener?.connected(peer);
    // Two processes cannot listen at one address: whoever did where this one answered is gone.
    if (!dialed) return;
    for (const other of this.book.all) {
      if (other !== peer && other.wasLinked && other.host === peer.host && other.port === peer.port) {
        if (other.link !== null) this.unlink(other, 'replaced');
        this.died(other, 'superseded');
      }
    }
  }

  unlink(peer: KnownPeer, reason: DisconnectReason): void {
    const { link } = peer;
    if (link === null) return;
    const now = performance.now();
    peer.link = null;
    this.book.linked.splice(this.book.linked.indexOf(peer), 1);
    link.connection.destroy();
    if (reason === 'protocol') this.counters.connectionsBroken++;
    peer.failures = now - link.since < STABLE_MS ? peer.failures + 1 : 0;
    peer.notBefore = now + redialPauseMs(peer.failures);
    this.#listener?.disconnected(peer, reason);
    if (reason === 'stopped') this.died(peer, 'stopped');
    else if (reason !== 'replaced' && reason !== 'foreign') this.#connector.probe(peer);
  }

  died(peer: KnownPeer, proof: DeathProof): void {
    if (!peer.wasLinked || peer.dead || peer.link !== null) return;
    peer.dead = true;
    this.#listener?.died(peer, proof);
  }

  foreign(cluster: ClusterId, host: string): void {
    const now = performance.now();
    const reportedAt = this.#foreignAt.get(cluster);
    if (reportedAt !== undefined && now - reportedAt < FOREIGN_REPORT_MS) return;
    this.#foreignAt.delete(cluster);
    this.#foreignAt.set(cluster, now);
    if (this.#foreignAt.size > MAX_FOREIGN) this.#foreignAt.delete(this.#foreignAt.keys().next().value as ClusterId);
    this.#listener?.foreign(cluster, host);
  }

  #frame(peer: KnownPeer, link: Link, kind: number, body: Uint8Array): void {
    peer.heardAt = performance.now();
    link.strandedAt = null;
    if (kind <= MAX_KIND) {
      this.counters.messagesReceived++;
      this.#listener?.message(peer, kind, body);
      return;
    }
    try {
      if (kind === PULSE) {
        link.window.raise(decodePulse(body) - PULSE_SLACK);
        this.#listener?.pulse(peer);
      } else if (kind === GOODBYE) {
        this.unlink(peer, decodeGoodbye(body) === 'stopping' ? 'stopped' : 'foreign');
      } else throw new MalformedError(`frame ${kind} after the handshake`);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.unlink(peer, 'protocol');
    }
  }

  /** Parts from a peer of another cluster. */
  #dismiss(peer: KnownPeer): void {
    const { connection } = peer.link as Link;
    void connection.goodbye(GOODBYE, encodeGoodbye('foreign'), GOODBYE_MS);
    this.unlink(peer, 'foreign');
    if (peer.cluster !== null) this.foreign(peer.cluster, peer.host);
  }

  #hear(datagram: Uint8Array, from: string): void {
    if (this.#listener === undefined || this.#closing) return;
    const opened = this.#seal.open(datagram);
    if (opened === 'own') return;
    this.counters.datagramsReceived++;
    if (opened === 'forged' || (!this.#sealed && !isLoopback(from))) {
      this.counters.datagramsForged++;
      return;
    }
    if (opened === 'malformed') {
      this.counters.datagramsMalformed++;
      return;
    }
    try {
      const { card, body } = decodeDatagram(opened.content);
      if (this.isReachable(card.host)) this.#receive(card, opened.salt, opened.counter, body);
      else this.counters.datagramsForged++;
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.counters.datagramsMalformed++;
    }
  }

  /**
   * A datagram that holds together. It may be a replay, of an earlier life of its sender even, so without a link it is a hint
   * whom to dial and nothing more. A link is the proof that its sender lives, and says which datagrams are new.
   */
  #receive(card: Card, salt: string, counter: number, body: Uint8Array | null): void {
    if (card.clusterName !== this.#card.clusterName) {
      this.counters.datagramsOfOthers++;
      return;
    }
    if (incarnationKey(card.incarnation) === incarnationKey(this.self)) return;
    const now = performance.now();
    let peer = this.book.get(card.incarnation);
    if (peer === undefined) {
      peer = this.book.add(card, now);
      if (peer === undefined) {
        this.counters.peersTurnedAway++;
        return;
      }
      this.#announceSoon(now);
    }
    const { link } = peer;
    if (link === null) {
      peer.heardAt = now;
      // A link's word counts more than a datagram's.
      if (!peer.wasLinked) peer.card = card;
      this.#connector.consider(peer, now);
      return;
    }
    if (salt !== link.salt || !link.window.accept(counter)) {
      this.counters.datagramsReplayed++;
      return;
    }
    peer.heardAt = now;
    if (now - link.connection.receivedAt > STALLED_MS) link.strandedAt ??= now;
    peer.card = card;
    if (isForeign(card, this.#card)) this.#dismiss(peer);
    else if (body !== null) this.#listener?.datagram(peer, body);
  }

  #tick(): void {
    const now = performance.now();
    const stalled = now - this.#tickedAt > TICK_MS + STALL_MS;
    this.#tickedAt = now;
    for (const peer of [...this.book.all]) {
      const { link } = peer;
      if (link === null) {
        if (peer.dial === null && now - peer.heardAt > FORGET_MS) this.book.remove(peer);
        continue;
      }
      const { connection } = link;
      // What it sent meanwhile may wait to be read.
      if (stalled) connection.receivedAt = now;
      if (now - connection.sentAt >= PULSE_MS && connection.queuedBytes === 0) {
        connection.send(PULSE, encodePulse(this.#seal.counter));
      }
      const silentMs = now - connection.receivedAt;
      const stranded = link.strandedAt !== null && now - link.strandedAt > STRANDED_MS;
      if (silentMs > SILENT_MS || stranded) this.unlink(peer, 'silent');
    }
    this.counters.datagramsUnsent = this.#multicast.unsent;
    if (now - this.#broadcastAt >= ANNOUNCE_MS) this.#announce();
    this.#refusals.tick(now);
  }

  #announce(): void {
    this.#send(null);
  }

  /** A newcomer should not have to wait for the next datagram. */
  #announceSoon(now: number): void {
    if (this.#announcement !== undefined) return;
    this.#announcement = setTimeout(
      () => {
        this.#announcement = undefined;
        this.#announce();
      },
      Math.max(0, this.#broadcastAt + ANNOUNCE_PAUSE_MS - now),
    );
  }

  #send(body: Uint8Array | null): void {
    this.#multicast.send(this.#seal.seal(encodeDatagram({ card: this.#card, body })));
    this.#broadcastAt = performance.now();
    this.counters.datagramsSent++;
  }
}

/** An address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}
