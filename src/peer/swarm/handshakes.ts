import { formatEndpoint, type PeerEndpoint } from '../../bittorrent/magnet.ts';

/**
 * Handshakes with peers that we connect to, of all contents: one at a time with each peer. Transmission, for one, hangs up on
 * whoever connects from an address while the handshake of an earlier connection from there is not over, and who wants several
 * contents of it would get one after the other, as each is tried again.
 */
export class Handshakes {
  readonly #underWay = new Set<string>();
  readonly #listeners = new Set<() => void>();

  isUnderWay(endpoint: PeerEndpoint): boolean {
    return this.#underWay.has(formatEndpoint(endpoint));
  }

  /** @returns to be called when the handshake is over, or there is none; can be called twice */
  begin(endpoint: PeerEndpoint): () => void {
    const name = formatEndpoint(endpoint);
    this.#underWay.add(name);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#underWay.delete(name);
      for (const listener of [...this.#listeners]) listener();
    };
  }

  /** Calls the listener whenever one is over. @returns forgets it */
  onOver(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
