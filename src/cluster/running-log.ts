import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { HostMessage, HostReply } from './log-messages.ts';
import { LogFailedError } from './replicated-log.ts';
import type { Identity } from './storage/log-store.ts';
import { StorageError } from './storage/sqlite-file.ts';

/** A log thread and its engine, as the thread that started it holds them. */
export class RunningLog {
  readonly identity: Identity;
  /** TCP port for the other members. */
  readonly memberPort: number;
  /** Resolves when the thread died of an error of its own. What storage fails with, its clients say (`LogClient.failed`). */
  readonly failed: Promise<Error>;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #closing: Promise<void> | undefined;

  /**
   * @param entry the engine's worker entry
   * @param options the engine's options, as worker data
   * @param warn told what whoever runs the instance should know
   * @throws {StorageError} the engine's files cannot be used
   */
  static async start(entry: URL, options: object, warn?: (message: string) => void): Promise<RunningLog> {
    const worker = new Worker(entry, {
      workerData: options,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    const ended = Promise.withResolvers<void>();
    worker.once('exit', () => ended.resolve());
    const { promise, resolve, reject } = Promise.withResolvers<Extract<HostReply, { type: 'ready' }>>();
    worker.once('error', (error) => reject(error));
    worker.once('exit', () => reject(new LogFailedError('the log thread ended before it was ready')));
    worker.on('message', (reply: HostReply) => {
      if (reply.type === 'ready') resolve(reply);
      else if (reply.type === 'warning') warn?.(reply.message);
      else if (reply.type === 'refused') reject(new StorageError(reply.code, reply.path, reply.reason));
    });
    return new RunningLog(worker, await promise, ended.promise);
  }

  private constructor(
    worker: Worker,
    { identity, memberPort }: Extract<HostReply, { type: 'ready' }>,
    ended: Promise<void>,
  ) {
    this.#worker = worker;
    this.identity = identity;
    this.memberPort = memberPort;
    this.#ended = ended;
    this.failed = new Promise((resolve) => worker.once('error', resolve));
  }

  /** A port for `LogClient.connect`, in this thread or, transferred, in another. */
  connect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#send({ type: 'connect', port: port1 }, [port1]);
    return port2;
  }

  /** Tells the members where clients reach this instance, once that is known. */
  describe(clientPort: number): void {
    this.#send({ type: 'describe', clientPort });
  }

  /** Commits the proposals that have arrived, brings the files in order and ends the thread. Can be called twice. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#send({ type: 'close' });
      await this.#ended;
    })();
    return this.#closing;
  }

  #send(message: HostMessage, transfer: MessagePort[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

/** Messages are short-lived; V8 would let tens of megabytes of them pile up. */
const YOUNG_GENERATION_MB = 4;
