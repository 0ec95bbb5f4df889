import { encodeAnnounceRequest, encodeConnectRequest } from '../../bittorrent/bep15.ts';
import type { AddressFamily } from '../../bittorrent/compact-peers.ts';
import { formatEndpoint, type PeerEndpoint } from '../../bittorrent/magnet.ts';
import type { AnnounceAnswer, AnnounceFields, Patience } from './announcement.ts';
import { Gate } from './gate.ts';
import { openRequestSocket, type RequestSocket } from './request-socket.ts';
import { stopped, TrackerError } from './tracker-error.ts';
import { udpAnswer, udpFields } from './udp-fields.ts';
import { endpointKey, type UdpTransaction, UdpTransactions } from './udp-transactions.ts';
import { within } from './within.ts';

/** BEP 15: the first attempt, in milliseconds; twice as long after each one without an answer. */
export const FIRST_ATTEMPT_MS = 15_000;
/** BEP 15: how often it is doubled at most. */
export const MAX_DOUBLINGS = 8;
/** BEP 15: a client uses a connection ID for one minute. */
export const CONNECTION_ID_MS = 60_000;
/** Announces that one tracker has not answered; further ones wait, so that a thousand contents do not flood it. */
export const MAX_UNANSWERED = 50;
/** Trackers whose connection IDs are kept. */
export const MAX_KNOWN_TRACKERS = 1_000;

/** Where a UDP tracker is, and what it is told of its own URL (BEP 41). */
export interface UdpTrackerAddress {
  readonly endpoint: PeerEndpoint;
  readonly family: AddressFamily;
  /** Path and query; '' sends none. */
  readonly path: string;
}

interface KnownTracker {
  readonly endpoint: PeerEndpoint;
  readonly gate: Gate;
  connectionId: bigint | undefined;
  connectedAtMs: number;
  /** A request for an ID that is not answered. */
  connecting: { readonly transaction: UdpTransaction<'connect'>; sentAtMs: number; waiting: number } | undefined;
}

/** BEP 15 for all contents and trackers, over one socket of each address family. */
export class UdpTrackers {
  readonly #transactions = new UdpTransactions();
  readonly #sockets = new Map<AddressFamily, Promise<RequestSocket>>();
  /** The longest unused first. */
  readonly #trackers = new Map<string, KnownTracker>();
  readonly #closing = new AbortController();

  /**
   * Announces, as often as it takes.
   * @throws {TrackerError} NO_ANSWER, REFUSED, UNREACHABLE, STOPPED
   */
  async announce(
    address: UdpTrackerAddress,
    fields: AnnounceFields,
    patience: Patience,
    signal: AbortSignal,
  ): Promise<AnnounceAnswer> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    const socket = await this.#socket(address.family);
    if (either.aborted) throw stopped(either);
    const tracker = this.#tracker(address.endpoint);
    return await tracker.gate.run(either, () =>
      this.#exchange(socket, tracker, address.path, fields, patience, either),
    );
  }

  /** What is under way fails with STOPPED. */
  async close(): Promise<void> {
    this.#closing.abort(new TrackerError('STOPPED', 'the socket for UDP trackers was closed'));
    for (const opening of this.#sockets.values()) (await opening.catch(() => undefined))?.close();
  }

  async #exchange(
    socket: RequestSocket,
    tracker: KnownTracker,
    path: string,
    fields: AnnounceFields,
    { firstMs, attempts }: Patience,
    signal: AbortSignal,
  ): Promise<AnnounceAnswer> {
    let doublings = 0;
    let renewed = false;
    for (let attempt = 0; attempt < attempts; ) {
      const waitMs = firstMs * 2 ** Math.min(doublings, MAX_DOUBLINGS);
      const waitedMs = firstMs * 2 ** Math.max(0, Math.min(doublings, MAX_DOUBLINGS) - 1);
      const known = freshId(tracker);
      const connectionId = known ?? (await this.#connect(socket, tracker, waitedMs, waitMs, signal));
      if (connectionId === undefined) {
        attempt++;
        doublings++;
        continue;
      }
      // It lives: the waits begin anew.
      if (known === undefined) doublings = 0;
      const answer = await this.#ask(
        socket,
        tracker,
        { ...udpFields(fields), connectionId, ...(path === '' ? {} : { urlData: path }) },
        firstMs * 2 ** Math.min(doublings, MAX_DOUBLINGS),
        signal,
      );
      if (answer === undefined) {
        attempt++;
        doublings++;
      } else if (answer.action === 'announce') {
        return udpAnswer(answer);
      } else if (known !== undefined && !renewed) {
        // Perhaps it only forgot the ID, in a restart; a new one tells.
        renewed = true;
        tracker.connectionId = undefined;
      } else {
        throw new TrackerError('REFUSED', `the tracker refused: ${printable(answer.message)}`);
      }
    }
    const name = formatEndpoint(tracker.endpoint);
    throw new TrackerError('NO_ANSWER', `the tracker at udp://${name} did not answer ${attempts} requests`);
  }

  async #ask(
    socket: RequestSocket,
    tracker: KnownTracker,
    request: Omit<Parameters<typeof encodeAnnounceRequest>[0], 'transactionId'>,
    waitMs: number,
    signal: AbortSignal,
  ) {
    const transaction = this.#transactions.begin('announce');
    try {
      transaction.sendOrFail(
        socket,
        encodeAnnounceRequest({ ...request, transactionId: transaction.id }),
        tracker.endpoint,
      );
      return (await within(waitMs, signal, transaction.answer))?.reply;
    } finally {
      transaction.end();
    }
  }

  /**
   * All who wait for an ID of one tracker wait for one request; each sends it again when its own wait is over.
   * @param waitedMs nothing is sent if somebody did within this time
   */
  async #connect(
    socket: RequestSocket,
    tracker: KnownTracker,
    waitedMs: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    tracker.connecting ??= {
      transaction: this.#transactions.begin('connect'),
      sentAtMs: Number.NEGATIVE_INFINITY,
      waiting: 0,
    };
    const { connecting } = tracker;
    const { transaction } = connecting;
    connecting.waiting++;
    // Timers may ring a moment early.
    if (performance.now() - connecting.sentAtMs >= waitedMs * 0.9) {
      transaction.sendOrFail(socket, encodeConnectRequest(transaction.id), tracker.endpoint);
      connecting.sentAtMs = performance.now();
    }
    try {
      const reply = (await within(waitMs, signal, transaction.answer))?.reply;
      if (reply?.action === 'error') {
        throw new TrackerError('REFUSED', `the tracker refused: ${printable(reply.message)}`);
      }
      if (reply === undefined) return undefined;
      tracker.connectionId = reply.connectionId;
      tracker.connectedAtMs = connecting.sentAtMs;
      return reply.connectionId;
    } finally {
      if (--connecting.waiting === 0) {
        transaction.end();
        tracker.connecting = undefined;
      }
    }
  }

  #socket(family: AddressFamily): Promise<RequestSocket> {
    const there = this.#sockets.get(family);
    if (there) return there;
    const opening = openRequestSocket({
      host: family === 4 ? '0.0.0.0' : '::',
      onDatagram: (socket, datagram, from) => this.#transactions.receive(socket, datagram, from),
    }).catch((cause: Error) => {
      // Another time there may be descriptors, or addresses of that family.
      this.#sockets.delete(family);
      throw new TrackerError('UNREACHABLE', `no tracker can be asked over IPv${family}: ${cause.message}`, { cause });
    });
    this.#sockets.set(family, opening);
    return opening;
  }

  #tracker(endpoint: PeerEndpoint): KnownTracker {
    const key = endpointKey(endpoint);
    const tracker = this.#trackers.get(key) ?? {
      endpoint,
      gate: new Gate(MAX_UNANSWERED),
      connectionId: undefined,
      connectedAtMs: 0,
      connecting: undefined,
    };
    this.#trackers.delete(key);
    this.#trackers.set(key, tracker);
    if (this.#trackers.size > MAX_KNOWN_TRACKERS) {
      this.#trackers.delete(this.#trackers.keys().next().value as string);
    }
    return tracker;
  }
}

function freshId({ connectionId, connectedAtMs }: KnownTracker): bigint | undefined {
  return performance.now() - connectedAtMs < CONNECTION_ID_MS ? connectionId : undefined;
}

/** A stranger's text, for people, on one line. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
