import type { Peer } from '../../peer/peer.ts';
import { ApiError } from '../api-errors.ts';
import type { ShareView } from './peer-schemas.ts';

/** Hashed at the same time: each uses all processors. */
export const MAX_HASHING = 4;
/** Those that ended are kept to be asked for, the last so many. */
export const MAX_KEPT = 100;

/** Files and folders that somebody asked to be shared: hashing takes its time, so nobody waits for an answer meanwhile. */
export class Shares {
  readonly #peer: Peer;
  readonly #shares = new Map<number, ShareView>();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #nextId = 1;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** In the order they were asked for. */
  get all(): readonly ShareView[] {
    return [...this.#shares.values()];
  }

  /** @throws {ApiError} TOO_MANY */
  begin(path: string): ShareView {
    if (this.#running.size >= MAX_HASHING) {
      throw new ApiError(429, 'TOO_MANY', `${MAX_HASHING} paths are being hashed; ask again when one of them is done`);
    }
    const share: ShareView = {
      id: this.#nextId++,
      path,
      state: 'hashing',
      bytesHashed: 0,
      size: null,
      sha1: null,
      error: null,
    };
    this.#shares.set(share.id, share);
    this.#forgetOldest();
    const running = this.#run(share).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return share;
  }

  /** Calls off what is being hashed. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  async #run(share: ShareView): Promise<void> {
    try {
      const { content } = await this.#peer.share(share.path, {
        createdBy: 'Swarmkeeper',
        signal: this.#stop.signal,
        onProgress: (done, total) => {
          share.bytesHashed = done;
          share.size = total;
        },
      });
      share.sha1 = content.sha1;
      share.state = 'done';
    } catch (error) {
      const { code = 'INTERNAL', message } = error as Error & { code?: string };
      share.error = { code, message };
      share.state = 'failed';
    }
  }

  #forgetOldest(): void {
    for (const { id, state } of this.#shares.values()) {
      if (this.#shares.size <= MAX_KEPT) return;
      if (state !== 'hashing') this.#shares.delete(id);
    }
  }
}
