import { randomInt } from 'node:crypto';
import {
  ACTION_ANNOUNCE,
  parseReply,
  REPLY_ACTION,
  REPLY_TRANSACTION_ID,
  type TrackerReply,
} from '../../bittorrent/bep15.ts';
import { formatIpv4, formatIpv6, IPV4_BYTES, parseIp } from '../../bittorrent/compact-peers.ts';
import { formatEndpoint, type PeerEndpoint } from '../../bittorrent/magnet.ts';
import type { RequestSocket } from './request-socket.ts';
import { TrackerError } from './tracker-error.ts';

type Action = 'connect' | 'announce';
type ReplyOf<A extends Action> = Extract<TrackerReply, { action: A | 'error' }>;

/** The reply to a request, and where it came from and to. */
export interface UdpAnswer<A extends Action> {
  readonly reply: ReplyOf<A>;
  readonly from: PeerEndpoint;
  readonly socket: RequestSocket;
}

/** One question (BEP 15), however often it is sent, and to whom. It must be ended. */
export interface UdpTransaction<A extends Action> {
  readonly id: number;
  /**
   * The first reply, to whichever sending.
   * @throws {TrackerError} UNREACHABLE, after `sendOrFail` only
   */
  readonly answer: Promise<UdpAnswer<A>>;
  /** Only whom it was sent to may answer. */
  send(socket: RequestSocket, datagram: Uint8Array, to: PeerEndpoint): void;
  /** The same; where the system does not send there, nobody need wait for an answer. */
  sendOrFail(socket: RequestSocket, datagram: Uint8Array, to: PeerEndpoint): void;
  /** Whoever is in the group may answer. */
  sendToGroup(socket: RequestSocket, datagram: Uint8Array, group: PeerEndpoint): void;
  /** Waits no more. */
  end(): void;
}

interface Pending {
  readonly action: Action;
  readonly sentTo: Set<string>;
  anyoneMayAnswer: boolean;
  resolve(answer: UdpAnswer<Action>): void;
}

/** Which replies belong to which questions. What does not match a question in all is ignored: anybody can send anything. */
export class UdpTransactions {
  readonly #pending = new Map<number, Pending>();

  begin<A extends Action>(action: A): UdpTransaction<A> {
    let id = randomInt(2 ** 32);
    while (this.#pending.has(id)) id = randomInt(2 ** 32);
    const { promise, resolve, reject } = Promise.withResolvers<UdpAnswer<A>>();
    // Nobody may be waiting when it fails.
    promise.catch(() => {});
    const pending: Pending = {
      action,
      sentTo: new Set(),
      anyoneMayAnswer: false,
      // What is received for it was compared with its action.
      resolve: (answer) => resolve(answer as unknown as UdpAnswer<A>),
    };
    this.#pending.set(id, pending);
    return {
      id,
      answer: promise,
      send: (socket, datagram, to) => {
        pending.sentTo.add(endpointKey(to));
        socket.send(datagram, to);
      },
      sendOrFail: (socket, datagram, to) => {
        pending.sentTo.add(endpointKey(to));
        socket.send(datagram, to, (code) =>
          reject(new TrackerError('UNREACHABLE', `nothing can be sent to ${formatEndpoint(to)}: ${code}`)),
        );
      },
      sendToGroup: (socket, datagram, group) => {
        pending.anyoneMayAnswer = true;
        socket.send(datagram, group);
      },
      end: () => this.#pending.delete(id),
    };
  }

  receive(socket: RequestSocket, datagram: Uint8Array, from: PeerEndpoint): void {
    const reply = readReply(datagram, socket);
    if (!reply) return;
    const pending = this.#pending.get(reply.transactionId);
    if (!pending || (reply.action !== pending.action && reply.action !== 'error')) return;
    if (!pending.anyoneMayAnswer && !pending.sentTo.has(endpointKey(from))) return;
    pending.resolve({ reply: reply as ReplyOf<Action>, from, socket });
  }
}

function readReply(datagram: Uint8Array, { family }: RequestSocket): TrackerReply | undefined {
  try {
    return parseReply(datagram, family);
  } catch {
    // opentracker answers so what it does not serve: the head of an announce, and nothing behind it.
    if (datagram.length !== EMPTY_REPLY_BYTES) return undefined;
    const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
    if (view.getUint32(REPLY_ACTION) !== ACTION_ANNOUNCE) return undefined;
    return { action: 'error', transactionId: view.getUint32(REPLY_TRANSACTION_ID), message: 'it does not say why' };
  }
}

const EMPTY_REPLY_BYTES = 8;

/** An address has many forms in text. */
export function endpointKey({ host, port }: PeerEndpoint): string {
  const bytes = parseIp(host);
  const plain = bytes === undefined ? host : bytes.length === IPV4_BYTES ? formatIpv4(bytes) : formatIpv6(bytes);
  return formatEndpoint({ host: plain, port });
}
