import type { PeerAddress } from '../../bittorrent/compact-peers.ts';
import { formatEndpoint } from '../../bittorrent/magnet.ts';
import { type ExchangedPeer, PEER_EXCHANGE_SECONDS, type PeerExchange } from '../../bittorrent/peer-exchange.ts';
import { isWorthTrying } from './worth-trying.ts';

/** Peers that one peer told of and did not take back. Beyond, nothing more is taken from it: it could fill any table. */
export const MAX_HEARD_PEERS = 200;
/** Messages may come so much before their minute is over: networks delay one and not the next. */
const TOLERANCE_MS = 10_000;
/** Some clients send the first two in a row. */
const FREE_MESSAGES = 2;

/**
 * What is taken from one peer that tells of others (BEP 11).
 *
 * Without I/O: the clock is handed in.
 */
export class PexListener {
  readonly #isPrivate: boolean;
  readonly #heard = new Set<string>();
  /** Messages that may come now. */
  #allowed = FREE_MESSAGES;
  #lastMs: number | undefined;

  /** @param isPrivate nobody is heard of (BEP 27) */
  constructor(isPrivate: boolean) {
    this.#isPrivate = isPrivate;
  }

  /**
   * @param sender its address, as its connection has it
   * @returns peers to try that it had not told of; none of a message that comes too soon
   */
  hear(nowMs: number, { added, dropped }: PeerExchange, sender: PeerAddress): ExchangedPeer[] {
    if (this.#isPrivate || !this.#mayTell(nowMs)) return [];
    for (const peer of dropped) this.#heard.delete(formatEndpoint(peer));
    return added.filter((peer) => {
      const key = formatEndpoint(peer);
      if (this.#heard.size >= MAX_HEARD_PEERS || this.#heard.has(key) || !isWorthTrying(peer, sender)) return false;
      this.#heard.add(key);
      return true;
    });
  }

  /** A bucket of messages that is filled by one a minute. */
  #mayTell(nowMs: number): boolean {
    const everyMs = PEER_EXCHANGE_SECONDS * 1_000 - TOLERANCE_MS;
    const passedMs = this.#lastMs === undefined ? 0 : Math.max(0, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    this.#allowed = Math.min(FREE_MESSAGES, this.#allowed + passedMs / everyMs);
    if (this.#allowed < 1) return false;
    this.#allowed--;
    return true;
  }
}
