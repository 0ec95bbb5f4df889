import { type MessagePort, Worker } from 'node:worker_threads';
import { LogFailedError } from '../../cluster/replicated-log.ts';
import { type StorageCode, StorageError } from '../../cluster/storage/sqlite-file.ts';
import { workerUrl } from '../../cluster/worker-url.ts';
import {
  type DatabaseReply,
  type DatabaseRequest,
  type DatabaseThreadOptions,
  TablesProgress,
} from './database-messages.ts';

/** Beyond so many entries that the tables are behind the log, no new peers should be admitted. */
export const MAX_TABLES_LAG_ENTRIES = 65_536n;

/** The database thread had to stop for a reason that is not the file's. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: string;
  constructor(code: string, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** The database thread as the thread that started it holds it. */
export class DatabaseClient {
  /** Shared with any thread: `new TablesProgress(progress.buffer)`. */
  readonly progress: TablesProgress;
  /** Resolves when the tables can no longer follow the log; the instance must stop. */
  readonly failed: Promise<Error>;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #flushes = new Map<number, { resolve: (index: bigint) => void; reject: (error: Error) => void }>();
  #nextId = 1;
  #end: Error | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Opens or creates the tables at `path` and keeps them up to date with the log.
   * @param log from `RunningLog.connect()`
   * @throws {StorageError} the file cannot be used
   */
  static async start(path: string, log: MessagePort): Promise<DatabaseClient> {
    const progress = new TablesProgress();
    const options: DatabaseThreadOptions = { path, log, progress: progress.buffer };
    const worker = new Worker(workerUrl('./database-thread', import.meta.url), {
      workerData: options,
      transferList: [log],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    const client = new DatabaseClient(worker, progress);
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      client.failed.then(reject);
    });
    if (client.#end) throw client.#end;
    return client;
  }

  private constructor(worker: Worker, progress: TablesProgress) {
    this.#worker = worker;
    this.progress = progress;
    const failed = Promise.withResolvers<Error>();
    this.failed = failed.promise;
    const ended = Promise.withResolvers<void>();
    this.#ended = ended.promise;
    const stop = (error: Error) => {
      if (this.#end) return;
      this.#end = error;
      for (const flush of this.#flushes.values()) flush.reject(error);
      this.#flushes.clear();
      if (!this.#closing) failed.resolve(error);
    };
    worker.on('message', (reply: DatabaseReply) => {
      if (reply.type === 'flushed') {
        this.#flushes.get(reply.id)?.resolve(reply.index);
        this.#flushes.delete(reply.id);
      } else if (reply.type === 'failed') stop(failure(reply));
    });
    worker.on('error', stop);
    worker.on('exit', () => {
      stop(new DatabaseError('DATABASE_CLOSED', 'the database is closed'));
      ended.resolve();
    });
  }

  /** The log entry that the tables show. */
  get appliedIndex(): bigint {
    return this.progress.appliedIndex;
  }

  /** Waits until the tables show entry `index`, without letting them rest; resolves with what they show then. */
  flush(index: bigint): Promise<bigint> {
    if (this.#end) return Promise.reject(this.#end);
    if (this.appliedIndex >= index) return Promise.resolve(this.appliedIndex);
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#flushes.set(id, { resolve, reject });
      this.#send({ type: 'flush', id, index });
    });
  }

  /** Applies what the log has handed over, brings the file in order and ends the thread. Can be called twice. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#send({ type: 'close' });
      await this.#ended;
    })();
    return this.#closing;
  }

  #send(request: DatabaseRequest): void {
    this.#worker.postMessage(request);
  }
}

/** The results of statements are short-lived; V8 would let tens of megabytes of them pile up. */
const YOUNG_GENERATION_MB = 4;

function failure({ code, path, reason }: Extract<DatabaseReply, { type: 'failed' }>): Error {
  if (path !== '') return new StorageError(code as StorageCode, path, reason);
  return code === 'LOG_FAILED' ? new LogFailedError(reason) : new DatabaseError(code, reason);
}
