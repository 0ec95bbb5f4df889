import type { ClusterId, Incarnation, MemberId } from '../../consensus/identity.ts';
import { MAX_PEERS, type Peer } from '../member-transport.ts';
import { type Card, incarnationKey } from './card.ts';
import type { FramedConnection } from './frames.ts';
import type { ReplayWindow } from './replay-window.ts';

/** A connection after its handshake. */
export interface Link {
  readonly connection: FramedConnection;
  readonly since: number;
  /** This end dialed. */
  readonly dialed: boolean;
  /** What the acceptor counts it as, see `Hello.accepted`. */
  readonly ordinal: number;
  /** The datagrams of the process at the other end, and which of them are new. */
  readonly salt: string;
  readonly window: ReplayWindow;
  /** Since when datagrams arrive while the connection has been silent for STALLED_MS; null: it is not. */
  strandedAt: number | null;
  /** `send` said `full` and nobody was told of room since. */
  heldBack: boolean;
}

/** A dial under way: from the first SYN until the acceptor's answer. */
export interface Dial {
  readonly since: number;
  /** The other system answered. */
  connected: boolean;
  helloSent: boolean;
  abandon(): void;
}

/** A run of a member that this one has heard of. */
export class KnownPeer implements Peer {
  readonly key: string;
  readonly incarnation: Incarnation;
  /** What it last said of itself; until it is linked, what somebody said in its name. */
  card: Card;
  /** At most one; then nothing is dialed. */
  link: Link | null = null;
  /** At most one. */
  dial: Dial | null = null;
  /** Set while a later dial is planned. */
  timer: NodeJS.Timeout | undefined;
  /** Dials in a row that led to nothing that lasted. */
  failures = 0;
  /** Nothing is dialed before. */
  notBefore = 0;
  /** Its connections that were accepted here: its number in the last welcome. Never falls. */
  accepted = 0;
  /** The greatest `Hello.dial` that was accepted. Never falls. */
  lastDial = 0;
  /** When a datagram in its name, or anything over a connection, last arrived. */
  heardAt: number;
  /** It was linked once, so it has existed in this run's time: only then can its death be proven. */
  wasLinked = false;
  /** Proven dead, unless it is linked again after all. */
  dead = false;

  constructor(card: Card, now: number) {
    this.key = incarnationKey(card.incarnation);
    this.incarnation = card.incarnation;
    this.card = card;
    this.heardAt = now;
  }

  get cluster(): ClusterId | null {
    return this.card.cluster;
  }

  get host(): string {
    return this.card.host;
  }

  get port(): number {
    return this.card.port;
  }
}

/** How long a run must be silent before another run of the same member is spoken to in its place (as the consensus has it). */
const OUTLIVED_MS = 500;

/** All known peers, at most MAX_PEERS. */
export class PeerBook {
  readonly #peers = new Map<string, KnownPeer>();
  /** Those with a link, in the order in which they got it. */
  readonly linked: KnownPeer[] = [];

  get all(): IterableIterator<KnownPeer> {
    return this.#peers.values();
  }

  get(incarnation: Incarnation): KnownPeer | undefined {
    return this.#peers.get(incarnationKey(incarnation));
  }

  /**
   * Notes somebody new, if need be in place of the unlinked one that has been silent for longest.
   * @returns undefined where all are linked
   */
  add(card: Card, now: number): KnownPeer | undefined {
    if (this.#peers.size >= MAX_PEERS) {
      let quietest: KnownPeer | undefined;
      for (const peer of this.#peers.values()) {
        if (peer.link === null && (quietest === undefined || isLessWanted(peer, quietest))) quietest = peer;
      }
      if (quietest === undefined) return undefined;
      this.remove(quietest);
    }
    const peer = new KnownPeer(card, now);
    this.#peers.set(peer.key, peer);
    return peer;
  }

  remove(peer: KnownPeer): void {
    clearTimeout(peer.timer);
    peer.dial?.abandon();
    peer.dial = null;
    this.#peers.delete(peer.key);
  }

  /** The link for a message: to one run, or of several runs of a member to the first that still speaks. */
  route(to: MemberId | Incarnation, now: number): KnownPeer | undefined {
    if (typeof to !== 'string') {
      const peer = this.get(to);
      return peer?.link ? peer : undefined;
    }
    let latest: KnownPeer | undefined;
    for (const peer of this.linked) {
      if (peer.incarnation.member !== to) continue;
      if (now - peer.heardAt <= OUTLIVED_MS) return peer;
      latest = peer;
    }
    return latest;
  }
}

/** Those that never proved to exist go first, then those silent for longest. */
function isLessWanted(a: KnownPeer, b: KnownPeer): boolean {
  return a.wasLinked === b.wasLinked ? a.heardAt < b.heardAt : !a.wasLinked;
}
