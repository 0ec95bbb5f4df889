import type { Readable } from 'node:stream';
import type { Peer } from '../../peer/peer.ts';
import { ApiError } from '../api-errors.ts';
import type { ShareView } from './peer-schemas.ts';
import type { UploadFolder } from './upload-folder.ts';

/** Hashed at the same time: each uses all processors. */
export const MAX_HASHING = 2;
/** Uploads that are received at the same time. */
export const MAX_RECEIVING = 4;
/** Those that are under way, in all. */
export const MAX_UNDER_WAY = 1_000;
/** Those that ended are kept to be asked for, the last so many. */
export const MAX_KEPT = 100;

/** A share, and what it takes to end it. */
interface Job {
  readonly view: ShareView;
  readonly stop: AbortController;
}

/** Files and folders that somebody asked to be shared: hashing takes its time, so nobody waits for an answer meanwhile. */
export class Shares {
  readonly #peer: Peer;
  readonly #uploads: UploadFolder;
  readonly #jobs = new Map<number, Job>();
  readonly #running = new Set<Promise<void>>();
  /** Wake those that wait to be hashed, the longest waiting first. */
  readonly #waiting: (() => void)[] = [];
  #hashing = 0;
  #receiving = 0;
  #nextId = 1;
  #closed = false;

  constructor(peer: Peer, uploads: UploadFolder) {
    this.#peer = peer;
    this.#uploads = uploads;
  }

  /** In the order they were asked for. */
  get all(): readonly ShareView[] {
    return [...this.#jobs.values()].map(({ view }) => view);
  }

  /** Shares a file or folder. @throws {ApiError} TOO_MANY */
  begin(path: string): ShareView {
    const job = this.#open(path, null);
    this.#run(job, () => this.#hash(job));
    return job.view;
  }

  /**
   * Receives a file and shares it. Resolves when all of it was received.
   * @param size bytes
   * @throws {ApiError} TOO_MANY, and as `UploadFolder.receive`
   */
  async receive(name: string, size: number, body: Readable): Promise<ShareView> {
    if (this.#receiving >= MAX_RECEIVING) {
      throw new ApiError(429, 'TOO_MANY', `${MAX_RECEIVING} files are being received; send the next when one is done`);
    }
    const job = this.#open(name, size);
    const { view, stop } = job;
    this.#receiving++;
    try {
      view.path = await this.#uploads.receive(name, size, body, stop.signal, (bytes) => {
        view.bytesReceived = bytes;
      });
    } catch (error) {
      fail(view, error);
      throw error;
    } finally {
      this.#receiving--;
    }
    view.state = 'waiting';
    this.#run(job, () => this.#hash(job));
    return view;
  }

  /** Calls off one that is under way, and forgets it. @throws {ApiError} NOT_FOUND */
  remove(id: number): void {
    const job = this.#jobs.get(id);
    if (!job) throw new ApiError(404, 'NOT_FOUND', `there is no share ${id}`);
    this.#jobs.delete(id);
    job.stop.abort();
  }

  /** Calls off what is being received and hashed. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { stop } of this.#jobs.values()) stop.abort();
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all(this.#running);
  }

  #open(path: string, size: number | null): Job {
    const underWay = this.all.filter(({ state }) => state !== 'done' && state !== 'failed').length;
    if (underWay >= MAX_UNDER_WAY || this.#closed) {
      throw new ApiError(429, 'TOO_MANY', `${MAX_UNDER_WAY} shares are under way; ask again when some are done`);
    }
    const isUpload = size !== null;
    const view: ShareView = {
      id: this.#nextId++,
      path,
      state: isUpload ? 'receiving' : 'waiting',
      bytesReceived: isUpload ? 0 : null,
      bytesHashed: 0,
      size,
      sha1: null,
      error: null,
    };
    const job = { view, stop: new AbortController() };
    this.#jobs.set(view.id, job);
    this.#forgetOldest();
    return job;
  }

  #run({ view }: Job, work: () => Promise<void>): void {
    const running = work()
      .catch((error) => fail(view, error))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #hash({ view, stop }: Job): Promise<void> {
    if (this.#hashing >= MAX_HASHING) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#hashing++;
    try {
      stop.signal.throwIfAborted();
      view.state = 'hashing';
      const { content } = await this.#peer.share(view.path, {
        createdBy: 'Swarmkeeper',
        signal: stop.signal,
        onProgress: (done, total) => {
          view.bytesHashed = done;
          view.size = total;
        },
      });
      view.sha1 = content.sha1;
      view.state = 'done';
    } finally {
      // The place goes to who waits the longest.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#hashing--;
    }
  }

  #forgetOldest(): void {
    let ended = 0;
    for (const { view } of [...this.#jobs.values()].reverse()) {
      if (view.state !== 'done' && view.state !== 'failed') continue;
      if (++ended > MAX_KEPT) this.#jobs.delete(view.id);
    }
  }
}

function fail(view: ShareView, error: unknown): void {
  const { code, message } = error as Error & { code?: unknown };
  view.error = { code: typeof code === 'string' ? code : 'INTERNAL', message };
  view.state = 'failed';
}
