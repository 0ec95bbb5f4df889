import { Worker } from 'node:worker_threads';
import type { Entry } from '../consensus/entry.ts';
import { LogFailedError } from '../replicated-log.ts';
import { StorageError } from '../storage/sqlite-file.ts';
import { workerUrl } from '../worker-url.ts';
import type { DiskContent, DiskReply, DiskRequest, DiskThreadOptions } from './disk-messages.ts';
import { unpackEntries } from './stored-entry.ts';

/**
 * `log.db` as the log thread sees it: requests are made durable one after the other by a thread of their own.
 *
 * A failure is final: nothing more is answered, `failed` resolves, the instance must stop.
 */
export class RaftDisk {
  /** As of the start of this run. */
  readonly content: DiskContent;
  readonly failed: Promise<LogFailedError>;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #fail: (error: LogFailedError) => void;
  /** What is called when the requests under way are durable, oldest first. The core has one write under way at a time. */
  readonly #waiting: (() => void)[] = [];
  #stored: Entry[];
  #failure: LogFailedError | undefined;
  #closing: Promise<void> | undefined;

  /** @throws {StorageError} the file cannot be used */
  static open(options: DiskThreadOptions): Promise<RaftDisk> {
    const worker = new Worker(workerUrl('./disk-thread', import.meta.url), {
      workerData: options,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    const stored: Entry[] = [];
    return new Promise((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', () => reject(new LogFailedError('the disk thread ended before it was ready')));
      const onMessage = (reply: DiskReply) => {
        if (reply.type === 'entries') {
          unpackEntries(reply.entries, stored);
          return;
        }
        worker.off('message', onMessage);
        if (reply.type === 'opened') resolve(new RaftDisk(worker, reply, stored));
        else if (reply.type === 'refused') reject(new StorageError(reply.code, reply.path, reply.reason));
        else reject(new LogFailedError(reply.type === 'failed' ? reply.reason : 'the disk thread said nothing useful'));
      };
      worker.on('message', onMessage);
    });
  }

  private constructor(worker: Worker, content: DiskContent, stored: Entry[]) {
    this.#stored = stored;
    this.#worker = worker;
    this.content = content;
    const { promise, resolve } = Promise.withResolvers<LogFailedError>();
    this.failed = promise;
    this.#fail = (error) => {
      this.#failure ??= error;
      resolve(this.#failure);
    };
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (reply: DiskReply) => {
      if (reply.type === 'done') this.#waiting.shift()?.();
      else if (reply.type === 'failed') this.#fail(new LogFailedError(reply.reason));
    });
    worker.on('error', (cause) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#fail(new LogFailedError(`the disk thread failed: ${reason}`, { cause }));
    });
  }

  /** The log as of the start of this run; the caller's from here on. */
  takeEntries(): Entry[] {
    const stored = this.#stored;
    this.#stored = [];
    return stored;
  }

  /** @param then called when it is durable; never if it fails */
  request(request: Exclude<DiskRequest, { type: 'close' }>, then: () => void = () => {}): void {
    if (this.#failure || this.#closing) return;
    this.#waiting.push(() => {
      if (!this.#failure && !this.#closing) then();
    });
    this.#worker.postMessage(request satisfies DiskRequest);
  }

  /** Finishes what was requested, and releases the file. Can be called twice. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#worker.postMessage({ type: 'close' } satisfies DiskRequest);
      await this.#exited;
    })();
    return this.#closing;
  }
}

/** Messages are short-lived; V8 would let tens of megabytes of them pile up. */
const YOUNG_GENERATION_MB = 4;
