import type { PeerAddress } from '../../bittorrent/compact-peers.ts';
import { formatEndpoint } from '../../bittorrent/magnet.ts';
import {
  type ExchangedPeer,
  MAX_EXCHANGED_PEERS,
  PEER_EXCHANGE_SECONDS,
  type PeerExchange,
} from '../../bittorrent/peer-exchange.ts';

/** Peers that one peer was told of and not yet told to be gone. Beyond, it is told of nobody new. */
export const MAX_TOLD_PEERS = 1_000;

/**
 * What one peer is told of our other peers (BEP 11): who came and who went since the last message, at most 50 of each, at most
 * once a minute. Whoever came and went in between is never mentioned; what did not fit goes into the next message.
 *
 * Without I/O: the clock is handed in.
 */
export class PexTeller {
  readonly #isPrivate: boolean;
  readonly #told = new Map<string, PeerAddress>();
  #nextMs = Number.NEGATIVE_INFINITY;

  /** @param isPrivate nobody is told of anybody (BEP 27) */
  constructor(isPrivate: boolean) {
    this.#isPrivate = isPrivate;
  }

  /**
   * The message that is due; undefined when it is too early, or nothing changed. What it says counts as told.
   * @param connected all peers that we are connected to and know to reach by these addresses
   * @param receiver who is told, and not of itself
   */
  next(nowMs: number, connected: Iterable<ExchangedPeer>, receiver: PeerAddress): PeerExchange | undefined {
    if (this.#isPrivate || nowMs < this.#nextMs) return undefined;
    const self = formatEndpoint(receiver);
    const gone = new Map(this.#told);
    const added = new Map<string, ExchangedPeer>();
    for (const peer of connected) {
      const key = formatEndpoint(peer);
      gone.delete(key);
      const isNews = key !== self && !this.#told.has(key) && this.#told.size + added.size < MAX_TOLD_PEERS;
      if (isNews && added.size < MAX_EXCHANGED_PEERS) added.set(key, peer);
    }
    const dropped = [...gone].slice(0, MAX_EXCHANGED_PEERS);
    if (added.size === 0 && dropped.length === 0) return undefined;
    for (const [key] of dropped) this.#told.delete(key);
    for (const [key, { host, port }] of added) this.#told.set(key, { host, port });
    this.#nextMs = nowMs + PEER_EXCHANGE_SECONDS * 1_000;
    return { added: [...added.values()], dropped: dropped.map(([, peer]) => peer) };
  }
}
