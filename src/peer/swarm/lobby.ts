import { HANDSHAKE_BYTES, mayBeHandshake, readHandshake } from '../../bittorrent/peer-wire.ts';
import type { PeerLink, PeerLinkEvents } from '../transport/peer-transport.ts';
import { HANDSHAKE_MS } from './peer-session.ts';

/** Links that said nothing yet; further ones are refused. */
export const MAX_IN_LOBBY = 100;

/** Where a link waits that came in, until its handshake says which content it is about. */
export class Lobby {
  readonly #find: (infoHash: Uint8Array, link: PeerLink) => PeerLinkEvents | undefined;
  readonly #waiting = new Set<PeerLink>();

  /** @param find who talks with the link about a content; undefined: nobody does, and the link is closed */
  constructor(find: (infoHash: Uint8Array, link: PeerLink) => PeerLinkEvents | undefined) {
    this.#find = find;
  }

  get size(): number {
    return this.#waiting.size;
  }

  enter(link: PeerLink): void {
    if (this.#waiting.size >= MAX_IN_LOBBY) {
      link.close();
      return;
    }
    this.#waiting.add(link);
    const timer = setTimeout(() => this.#dismiss(link), HANDSHAKE_MS);
    let session: PeerLinkEvents | undefined;
    let held = new Uint8Array(0);
    link.start({
      chunk: (bytes) => {
        if (session) {
          session.chunk(bytes);
          return;
        }
        const all = new Uint8Array(held.length + bytes.length);
        all.set(held, 0);
        all.set(bytes, held.length);
        held = all;
        if (!mayBeHandshake(held, 0, Math.min(held.length, HANDSHAKE_BYTES))) return this.#dismiss(link);
        if (held.length < HANDSHAKE_BYTES) return;
        clearTimeout(timer);
        this.#waiting.delete(link);
        session = this.#find(readHandshake(held, 0).infoHash, link);
        if (session) session.chunk(held);
        else link.close();
      },
      place: () => session?.place?.(),
      placed: (count) => session?.placed?.(count),
      drained: () => session?.drained(),
      closed: (error) => {
        clearTimeout(timer);
        this.#waiting.delete(link);
        session?.closed(error);
      },
    });
  }

  close(): void {
    for (const link of [...this.#waiting]) this.#dismiss(link);
  }

  #dismiss(link: PeerLink): void {
    this.#waiting.delete(link);
    link.close();
  }
}
