import type { PeerSession } from './peer-session.ts';

/**
 * Two connections with one peer, one that we opened and one that it opened: which of them stays. Both ends must come to the same
 * answer, or none does. Most clients, as we do, keep the one that the larger peer ID opened; aria2 keeps the one on which it
 * learned first whom it talks with.
 */
export class TwinConnections {
  readonly #peerId: Uint8Array;
  /** Those about which the peer may decide: ours, and its own. No more than there are sessions. */
  readonly #undecided = new Map<PeerSession, PeerSession>();

  /** @param peerId our own */
  constructor(peerId: Uint8Array) {
    this.#peerId = peerId;
  }

  /**
   * `session` has got its handshake just now, and is with the same peer as `other`.
   * @returns the one to close; undefined: neither now
   */
  loser(session: PeerSession, other: PeerSession): PeerSession | undefined {
    if (session.link.incoming === other.link.incoming) return session;
    const [ours, theirs] = session.link.incoming ? [other, session] : [session, other];
    // The peer talks on ours and cannot know that it has two, since this one has not said who we are.
    if (session === theirs && ours.isTalking) return theirs;
    if (Buffer.compare(this.#peerId, theirs.peerId as Uint8Array) > 0) return theirs;
    // Who has the larger ID chooses: it may be one that keeps ours all the same.
    this.#undecided.set(ours, theirs);
    return undefined;
  }

  /** To be called now and then: ends what a peer holds twice and does not mind. */
  settle(): void {
    for (const [ours, theirs] of this.#undecided) {
      const isOver = ours.isClosed || theirs.isClosed;
      if (!isOver && !(ours.isTalking && theirs.isTalking)) continue;
      this.#undecided.delete(ours);
      if (!isOver) ours.close(CONNECTED_ALREADY);
    }
  }
}

export const CONNECTED_ALREADY = 'the peer is connected already';
