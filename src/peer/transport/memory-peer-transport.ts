import { formatEndpoint, type PeerEndpoint } from '../../bittorrent/magnet.ts';
import {
  type ConnectOptions,
  type PeerLink,
  type PeerLinkEvents,
  type PeerListener,
  type PeerTransport,
  PeerTransportError,
  WANTED_UNSENT_BYTES,
} from './peer-transport.ts';

const FIRST_FREE_PORT = 49_152;
const LAST_PORT = 65_535;
/** Chunks are no larger than this, whatever was written at once. */
const LARGEST_CHUNK_BYTES = 64 * 1024;

/** A network within the process: its transports reach one another, and nobody else. */
export class MemoryPeerNetwork {
  readonly #listeners = new Map<string, (link: PeerLink) => void>();
  #nextPort = FIRST_FREE_PORT;

  /** @param host where links of this transport come from */
  transport(host: string): PeerTransport {
    return {
      connect: (endpoint, options) => this.#connect(host, endpoint, options),
      listen: (address, port, onLink) => this.#listen(address, port, onLink),
    };
  }

  async #connect(host: string, endpoint: PeerEndpoint, { signal }: ConnectOptions = {}): Promise<PeerLink> {
    await nextTurn();
    const name = formatEndpoint(endpoint);
    if (signal?.aborted) throw new PeerTransportError('ABORTED', `connecting to ${name} was called off`);
    const onLink = this.#listeners.get(name);
    if (!onLink) throw new PeerTransportError('UNREACHABLE', `${name} cannot be reached: nobody listens`);
    const [near, far] = linkPair(endpoint, { host, port: this.#freePort(host) });
    onLink(far);
    return near;
  }

  async #listen(host: string, wanted: number, onLink: (link: PeerLink) => void): Promise<PeerListener> {
    const port = wanted === 0 ? this.#freePort(host) : wanted;
    const name = formatEndpoint({ host, port });
    if (this.#listeners.has(name)) {
      throw new PeerTransportError('ADDRESS_IN_USE', `cannot listen on ${name}: somebody does; choose another port`);
    }
    this.#listeners.set(name, onLink);
    return {
      host,
      port,
      close: async () => {
        if (this.#listeners.get(name) === onLink) this.#listeners.delete(name);
      },
    };
  }

  #freePort(host: string): number {
    for (;;) {
      const port = this.#nextPort;
      this.#nextPort = port === LAST_PORT ? FIRST_FREE_PORT : port + 1;
      if (!this.#listeners.has(formatEndpoint({ host, port }))) return port;
    }
  }
}

function linkPair(server: PeerEndpoint, client: PeerEndpoint): [near: PeerLink, far: PeerLink] {
  const near = new MemoryPeerLink(server, false);
  const far = new MemoryPeerLink(client, true);
  near.other = far;
  far.other = near;
  return [near, far];
}

/** Bytes on their way, and who is told when the last of them left. */
interface Parcel {
  readonly bytes: Uint8Array;
  readonly done: (() => void) | undefined;
}

class MemoryPeerLink implements PeerLink {
  readonly remote: PeerEndpoint;
  readonly incoming: boolean;
  other: MemoryPeerLink | undefined;
  #events: PeerLinkEvents | undefined;
  #paused = false;
  #closed = false;
  /** Written here, not yet heard by the other end. */
  readonly #outgoing: Parcel[] = [];
  #unsent = 0;
  #wasFull = false;
  #turnPlanned = false;

  constructor(remote: PeerEndpoint, incoming: boolean) {
    this.remote = remote;
    this.incoming = incoming;
  }

  get unsentBytes(): number {
    return this.#unsent;
  }

  start(events: PeerLinkEvents): void {
    this.#events = events;
    if (this.#closed) queueMicrotask(() => events.closed(undefined));
    else this.other?.plan();
  }

  write(parts: readonly Uint8Array[], done?: () => void): void {
    if (this.#closed || parts.length === 0) {
      if (done) queueMicrotask(done);
      return;
    }
    for (const [i, bytes] of parts.entries()) {
      this.#outgoing.push({ bytes, done: i === parts.length - 1 ? done : undefined });
      this.#unsent += bytes.length;
    }
    if (this.#unsent >= WANTED_UNSENT_BYTES) this.#wasFull = true;
    this.plan();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.other?.plan();
  }

  close(): void {
    if (this.#closed) return;
    this.#end();
    if (this.other) this.other.#end();
  }

  /** Delivers what waits, a parcel a turn, so that no call is made within another. */
  plan(): void {
    if (this.#turnPlanned) return;
    this.#turnPlanned = true;
    setImmediate(() => {
      this.#turnPlanned = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const { other } = this;
    const parcel = this.#outgoing[0];
    if (!parcel || !other || this.#closed || !other.#events || other.#paused) return;
    this.#outgoing.shift();
    // A copy, so that nobody gets used to keeping what is used again.
    const bytes = new Uint8Array(parcel.bytes);
    for (let at = 0; at < bytes.length && !other.#closed; ) at += other.#take(bytes.subarray(at), other.#events);
    bytes.fill(0xee);
    this.#unsent -= parcel.bytes.length;
    parcel.done?.();
    if (this.#wasFull && this.#unsent === 0) {
      this.#wasFull = false;
      this.#events?.drained();
    }
    this.plan();
  }

  /** @returns how many bytes were taken */
  #take(bytes: Uint8Array, events: PeerLinkEvents): number {
    const place = events.place?.();
    const count = Math.min(bytes.length, place?.length ?? LARGEST_CHUNK_BYTES);
    if (place) {
      place.set(bytes.subarray(0, count));
      events.placed?.(count);
    } else events.chunk(bytes.subarray(0, count));
    return count;
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => {
      for (const { done } of this.#outgoing.splice(0)) done?.();
      this.#unsent = 0;
      this.#events?.closed(undefined);
    });
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
