import type { ClusterId, Incarnation, MemberId } from '../consensus/identity.ts';

/**
 * How the members of one cluster talk to each other, whatever carries it.
 *
 * What every transport guarantees (held by `member-transport.conformance.ts`):
 * - A peer is one run of one member (an `Incarnation`). Nothing of a peer reaches the listener before `connected` or after
 *   `disconnected`, and nothing at all from anyone who has not proven to hold the cluster's key, where there is one.
 * - Between `connected` and `disconnected` messages arrive whole, once and in order. What was on its way when a connection
 *   ended is lost; the sender is not told which.
 * - Datagrams may be lost or reordered. They are never repeated, and never come from an earlier life of the sender.
 * - `died` is proof, not suspicion: that run of that member will never speak again.
 * - Peers find each other without configuration, and reconnect by themselves for as long as both exist.
 * - Nothing waits and no queue grows without bound: `send` says `full`, datagrams are dropped and counted.
 */
export interface MemberTransport {
  readonly self: Incarnation;
  /** Where other members reach this one. */
  readonly host: string;
  readonly port: number;
  readonly counters: TransportCounters;
  /** Begins to look for peers and to receive. Called once; nothing is heard before. */
  start(listener: TransportListener): void;
  /** The cluster that this instance belongs to from now on; null: none yet. Peers of another cluster are let go. */
  setCluster(cluster: ClusterId | null): void;
  /**
   * Sends a message. The transport takes the bytes over once they are `sent`: nobody else may use them afterwards.
   * @param to a member (of two live runs of one member: the one that was there first), or one certain run of it
   * @param kind 0 to MAX_KIND
   * @param body at most MAX_MESSAGE_BYTES
   * @throws RangeError a kind or a size that no receiver would take
   */
  send(to: MemberId | Incarnation, kind: number, body: Uint8Array): SendOutcome;
  /** Bytes taken by `send` that have not left yet; 0 for one that is not connected. */
  queuedBytes(to: MemberId | Incarnation): number;
  /**
   * Sends a datagram of at most MAX_BROADCAST_BYTES to every connected peer.
   * @throws RangeError it is longer
   */
  broadcast(body: Uint8Array): void;
  /** The peers connected now. */
  peers(): readonly Peer[];
  /**
   * Says goodbye and releases everything: this run never speaks again, so stop answering clients before. Can be called
   * twice. Resolves when the peers have been told, or after a bounded time.
   */
  close(): Promise<void>;
}

export interface TransportListener {
  connected(peer: Peer): void;
  /** Suspicion begins here: see `suspectsProcess` for which reasons come from the death of a process. */
  disconnected(peer: Peer, reason: DisconnectReason): void;
  /** That run is gone for good. At once for an orderly stop; for a crash as soon as its address refuses a connection. */
  died(peer: Peer, proof: DeathProof): void;
  /** @param body the receiver's to keep, not to change */
  message(from: Peer, kind: number, body: Uint8Array): void;
  /** @param body the receiver's to keep, not to change */
  datagram(from: Peer, body: Uint8Array): void;
  /** A sign of life that carries nothing. */
  pulse(from: Peer): void;
  /** After `full`: there is room again. */
  drained(peer: Peer): void;
  /** A formed cluster of the same name (and key) is in reach, which this one will never talk to. Not more often than every FOREIGN_REPORT_MS. */
  foreign(cluster: ClusterId, host: string): void;
}

/** A run of a member that is connected, or was. The same object throughout; fields follow what it says of itself. */
export interface Peer {
  readonly incarnation: Incarnation;
  /** Null: it belongs to no cluster yet. */
  readonly cluster: ClusterId | null;
  readonly host: string;
  readonly port: number;
}

/** `full`: over MAX_QUEUED_BYTES, wait for `drained`. `unreachable`: there is no connection. Either way nothing was taken. */
export type SendOutcome = 'sent' | 'full' | 'unreachable';

/**
 * - `closed`, `reset`: the other system ended the connection without a goodbye: the process died, all but certainly.
 * - `stopped`: it said goodbye.
 * - `silent`, `unreachable`: no answer, from it or from the network on the way.
 * - `replaced`: it has opened a new connection in place of this one.
 * - `foreign`: it belongs to another cluster now. `protocol`: what it sent made no sense.
 */
export type DisconnectReason =
  | 'closed'
  | 'reset'
  | 'stopped'
  | 'silent'
  | 'unreachable'
  | 'replaced'
  | 'foreign'
  | 'protocol';

/** `refused`: nobody listens at its address any more. `superseded`: another process does. `stopped`: it said so itself. */
export type DeathProof = 'refused' | 'superseded' | 'stopped';

/** Does a connection that ended so speak of the other process, or only of the way there? */
export function suspectsProcess(reason: DisconnectReason): boolean {
  return reason === 'closed' || reason === 'reset' || reason === 'stopped';
}

/** Everything that was refused is counted here, never logged one by one. */
export interface TransportCounters {
  datagramsSent: number;
  datagramsReceived: number;
  /** Not sealed with the cluster's key, changed on the way, or (without a key) not from this machine. */
  datagramsForged: number;
  /** Of a version or form that is not ours. */
  datagramsMalformed: number;
  /** Heard before, or older than what its sender has proven. */
  datagramsReplayed: number;
  /** From another cluster name that shares the group. */
  datagramsOfOthers: number;
  /** The system or a bound did not let them leave. */
  datagramsUnsent: number;
  messagesSent: number;
  messagesReceived: number;
  /** `send` said `full`. */
  messagesHeldBack: number;
  connectionsDialed: number;
  connectionsAccepted: number;
  /** Did not prove the key, sent garbage or did not finish in time. */
  handshakesFailed: number;
  /** Dropped unproven because too many were. */
  handshakesCrowdedOut: number;
  /** A connected peer broke the protocol. */
  connectionsBroken: number;
  /** Whole messages of a connected peer that made no sense to who reads them, and is to count them here. */
  messagesRefused: number;
  /** More peers than MAX_PEERS. */
  peersTurnedAway: number;
}

export function noCounts(): TransportCounters {
  return {
    datagramsSent: 0,
    datagramsReceived: 0,
    datagramsForged: 0,
    datagramsMalformed: 0,
    datagramsReplayed: 0,
    datagramsOfOthers: 0,
    datagramsUnsent: 0,
    messagesSent: 0,
    messagesReceived: 0,
    messagesHeldBack: 0,
    connectionsDialed: 0,
    connectionsAccepted: 0,
    handshakesFailed: 0,
    handshakesCrowdedOut: 0,
    connectionsBroken: 0,
    messagesRefused: 0,
    peersTurnedAway: 0,
  };
}

/** What of the counters came from outside and was turned away, and how to say so. */
export const REFUSALS: readonly { readonly counter: keyof TransportCounters; readonly what: string }[] = [
  { counter: 'datagramsForged', what: 'datagrams without the key of this cluster' },
  { counter: 'datagramsMalformed', what: 'datagrams that make no sense' },
  { counter: 'datagramsReplayed', what: 'datagrams that were heard before' },
  { counter: 'handshakesFailed', what: 'connections without the key or without a proper handshake' },
  { counter: 'handshakesCrowdedOut', what: 'connections because too many had proven nothing yet' },
  { counter: 'connectionsBroken', what: 'connections of members that broke the protocol' },
  { counter: 'messagesRefused', what: 'messages that no member of this version sends' },
  { counter: 'peersTurnedAway', what: 'instances because too many are known already' },
];

export function refusedCount(counters: TransportCounters): number {
  let count = 0;
  for (const { counter } of REFUSALS) count += counters[counter];
  return count;
}

/** Kinds above are the transport's own. */
export const MAX_KIND = 239;
/** Longest body of a message. */
export const MAX_MESSAGE_BYTES = 8 << 20;
/** Bytes that wait for one member; a message that would exceed it is held back, unless nothing waits. */
export const MAX_QUEUED_BYTES = 16 << 20;
/** Longest body of a datagram: with everything around it, it fits any Ethernet frame. */
export const MAX_BROADCAST_BYTES = 768;
/** Runs of members known at a time, connected or not. */
export const MAX_PEERS = 64;
export const FOREIGN_REPORT_MS = 60_000;

/** The transport could not be opened. `code` is the system's, or says what was wrong with the options. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
