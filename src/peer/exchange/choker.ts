/** Who is unchoked is decided anew so often. */
export const RECHOKE_MS = 10_000;
/** Somebody else gets the optimistic place so often. */
export const OPTIMISTIC_MS = 30_000;
/** Within this time a peer counts as new, and is drawn three times as likely. */
export const NEW_PEER_MS = 60_000;
export const DEFAULT_UPLOAD_SLOTS = 8;
const NEW_PEER_CHANCES = 3;

/** What the choker knows of a connected peer. */
export interface ChokerPeer<Key> {
  readonly key: Key;
  /** It wants something of us. */
  readonly interested: boolean;
  /** Bytes a second that it sends us. */
  readonly downSpeed: number;
  /** Bytes a second that we send it. */
  readonly upSpeed: number;
  readonly connectedMs: number;
}

export interface ChokerOptions {
  /** Peers that are sent to at the same time, the optimistic one included; at least 1. */
  readonly slots: number;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/**
 * Whom to send to (BEP 3): while we load, those that send us most; when we have all, those that take most. One place
 * goes round among the others (optimistic unchoke), so that newcomers get a first piece and better partners are found.
 *
 * Without I/O: the clock and the draws are handed in, and equal ones give equal decisions.
 */
export class Choker<Key> {
  readonly #options: ChokerOptions;
  #optimistic: Key | undefined;
  #optimisticSinceMs = Number.NEGATIVE_INFINITY;

  constructor(options: ChokerOptions) {
    this.#options = options;
  }

  /** Who has the optimistic place. */
  get optimistic(): Key | undefined {
    return this.#optimistic;
  }

  /** Those to be unchoked; all others are to be choked. Call it every RECHOKE_MS, and when a place fell empty. */
  decide(nowMs: number, seeding: boolean, peers: readonly ChokerPeer<Key>[]): Set<Key> {
    const interested = peers.filter((peer) => peer.interested);
    const slots = Math.max(1, this.#options.slots);
    if (interested.length <= slots) {
      this.#optimistic = undefined;
      return new Set(interested.map(({ key }) => key));
    }
    const speed = (peer: ChokerPeer<Key>) => (seeding ? peer.upSpeed : peer.downSpeed);
    // Sorting is stable: among equals the one that has been there longest stays.
    const ranked = interested.toSorted((a, b) => speed(b) - speed(a));
    const unchoked = new Set(ranked.slice(0, slots - 1).map(({ key }) => key));
    const others = ranked.slice(slots - 1);
    const stays = nowMs - this.#optimisticSinceMs < OPTIMISTIC_MS && others.some(({ key }) => key === this.#optimistic);
    if (!stays) {
      this.#optimistic = this.#draw(nowMs, others);
      this.#optimisticSinceMs = nowMs;
    }
    unchoked.add(this.#optimistic as Key);
    return unchoked;
  }

  /** Another than before, when there is one. */
  #draw(nowMs: number, others: readonly ChokerPeer<Key>[]): Key {
    const fresh = others.filter(({ key }) => key !== this.#optimistic);
    const from = fresh.length > 0 ? fresh : others;
    const chances = from.map((peer) => (nowMs - peer.connectedMs < NEW_PEER_MS ? NEW_PEER_CHANCES : 1));
    let drawn = this.#options.random() * chances.reduce((sum, chance) => sum + chance, 0);
    const at = chances.findIndex((chance) => {
      drawn -= chance;
      return drawn < 0;
    });
    return from[at < 0 ? from.length - 1 : at].key;
  }
}
