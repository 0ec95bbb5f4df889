import { type MemberId, NotMasterError, type ReplicatedLog, UncertainError } from '../../cluster/replicated-log.ts';
import {
  DatagramSlots,
  ENDPOINT_FAMILY,
  ENDPOINT_PORT_MASK,
  ENDPOINT_USED_WORDS,
  ENDPOINT_WORDS,
} from '../../net/datagram-slots.ts';
import { RECEIVE_STRIDE, SEND_STRIDE, type UdpSocket } from '../../net/udp-socket.ts';
import { COUNTER, type Counters } from '../counters.ts';
import { type BundleReader, BundleWriter, bundleCount } from './datagram-bundle.ts';
import {
  decodeOutcome,
  encodeRequest,
  type ForwardedRequest,
  KIND_DATAGRAMS,
  type Outcome,
} from './forward-messages.ts';

/**
 * A slave's way to the master: what clients ask of this instance goes there, and the answers leave from the socket that
 * was asked. Nothing is kept for datagrams: the reply brings back where it belongs.
 */
export class ToMaster {
  readonly #log: ReplicatedLog;
  readonly #counters: Counters;
  /** The sockets that clients ask by UDP; a datagram's tag is the place of its socket. */
  readonly #sockets: UdpSocket[] = [];
  readonly #bundles = { 4: new BundleWriter(KIND_DATAGRAMS, 4), 6: new BundleWriter(KIND_DATAGRAMS, 6) };
  readonly #reply = new DatagramSlots(1, RECEIVE_STRIDE);
  /** Bundles that came while there was no master, the oldest first. */
  #held: { readonly bundle: Uint8Array; readonly at: number }[] = [];
  #heldBytes = 0;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #master: MemberId | undefined;

  constructor(log: ReplicatedLog, counters: Counters) {
    this.#log = log;
    this.#counters = counters;
    this.#find();
    log.on('role', () => this.#find());
  }

  /** Whether another instance is the master. */
  get isKnown(): boolean {
    return this.#master !== undefined;
  }

  /** A socket whose clients are to be answered. */
  serve(socket: UdpSocket): void {
    this.#sockets.push(socket);
  }

  /**
   * Forwards the first `count` datagrams that the socket has received. While there is no master they are held for a moment:
   * an election is short, and a client that gets no answer waits 15 seconds before it asks again (BEP 15).
   */
  forward(socket: UdpSocket, count: number): void {
    const tag = this.#sockets.indexOf(socket);
    const bundle = this.#bundles[socket.family];
    const { received } = socket;
    for (let slot = 0; slot < count; slot++) {
      const bytes = received.lengths[slot];
      if (bytes < SHORTEST_REQUEST || bytes >= RECEIVE_STRIDE) this.#counters[COUNTER.udpMalformed]++;
      else bundle.add(received, slot, tag);
    }
    if (bundle.count === 0) return;
    if (this.#master !== undefined) this.#send(this.#master, bundle.take());
    else this.#hold(bundle.take());
  }

  /** What was held and is still worth answering, for whoever is the master now. */
  takeHeld(): Uint8Array[] {
    this.#dropStale();
    const bundles = this.#held.map(({ bundle }) => bundle);
    this.#held = [];
    this.#heldBytes = 0;
    return bundles;
  }

  #send(master: MemberId, bundle: Uint8Array): void {
    this.#counters[COUNTER.udpForwarded] += bundleCount(bundle);
    this.#log.send(master, bundle);
  }

  #hold(bundle: Uint8Array): void {
    this.#dropStale();
    if (this.#heldBytes + bundle.length > MOST_HELD_BYTES) return;
    this.#held.push({ bundle, at: performance.now() });
    this.#heldBytes += bundle.length;
  }

  #dropStale(): void {
    const since = performance.now() - HOLD_MS;
    const fresh = this.#held.findIndex(({ at }) => at >= since);
    const stale = this.#held.splice(0, fresh < 0 ? this.#held.length : fresh);
    for (const { bundle } of stale) this.#heldBytes -= bundle.length;
  }

  /** @throws {RangeError} the bundle is damaged; what stood before the damage was sent */
  replies(bundle: BundleReader): void {
    while (bundle.left > 0) {
      bundle.read(this.#reply, 0);
      const socket = this.#sockets[bundle.tag];
      if (socket === undefined || socket.family !== bundle.family) continue;
      this.#answer(socket, this.#reply.lengths[0]);
    }
    for (const socket of this.#sockets) socket.flush();
  }

  #answer(socket: UdpSocket, bytes: number): void {
    if (bytes > SEND_STRIDE) return;
    const { outgoing, family } = socket;
    const { endpointWords, words32 } = this.#reply;
    const slot = socket.reserve();
    const endpoint = slot * ENDPOINT_WORDS;
    outgoing.endpointWords[endpoint] = (endpointWords[0] & ENDPOINT_PORT_MASK) | ENDPOINT_FAMILY[family];
    for (let word = 1; word < ENDPOINT_USED_WORDS[family]; word++) {
      outgoing.endpointWords[endpoint + word] = endpointWords[word];
    }
    const to = (slot * outgoing.stride) >> 2;
    for (let word = 0; word < bytes; word += 4) outgoing.words32[to + (word >> 2)] = words32[word >> 2];
    socket.queue(bytes);
  }

  /**
   * Asks the master something that is not a datagram.
   * @throws {NotMasterError} there is no master to ask, or it has gone before it was asked
   * @throws {UncertainError} the master has gone, or said nothing for long
   */
  ask(request: ForwardedRequest): Promise<Outcome> {
    const master = this.#master;
    if (master === undefined || this.#waiting.size === MOST_WAITING)
      return Promise.reject(new NotMasterError(undefined));
    if (request.type === 'http') this.#counters[COUNTER.httpForwarded]++;
    const id = this.#nextId;
    this.#nextId = (id + 1) >>> 0;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#giveUp(id, 'the master said nothing'), PATIENCE_MS);
      this.#waiting.set(id, { resolve, reject, late, endsMastership: request.type === 'step-down' });
      this.#log.send(master, encodeRequest(id, request));
    });
  }

  outcome(message: Uint8Array): void {
    const decoded = decodeOutcome(message);
    if (decoded === undefined) return;
    this.#take(decoded.id)?.resolve(decoded.outcome);
  }

  #find(): void {
    const { master, self } = this.#log.status;
    const other = master === self ? undefined : master;
    if (other === this.#master) return;
    this.#master = other;
    for (const [id, { endsMastership }] of this.#waiting) {
      if (!endsMastership) this.#giveUp(id, 'the master has gone');
    }
    if (other !== undefined) for (const bundle of this.takeHeld()) this.#send(other, bundle);
  }

  #giveUp(id: number, why: string): void {
    this.#take(id)?.reject(new UncertainError(why));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    clearTimeout(waiting.late);
    this.#waiting.delete(id);
    return waiting;
  }
}

interface Waiting {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
  readonly late: NodeJS.Timeout;
  /** Another master is no sign of failure then: the one that was asked says how it went. */
  readonly endsMastership: boolean;
}

/** A client that has waited so long has given up, or asks again by itself. */
const HOLD_MS = 1_000;
/** Some 10,000 announces. */
const MOST_HELD_BYTES = 2 << 20;
/** A connect request. */
const SHORTEST_REQUEST = 16;
/** Requests that wait for the master at one time. */
const MOST_WAITING = 4_096;
/** What a client's program waits for an HTTP tracker is longer. */
const PATIENCE_MS = 5_000;
