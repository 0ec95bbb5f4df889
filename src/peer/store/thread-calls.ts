import { Worker } from 'node:worker_threads';
import {
  END,
  failureOf,
  type Numbered,
  StoreError,
  type ThreadAnswer,
  type ThreadFailure,
} from './storage-messages.ts';

/** These threads make little garbage: a small nursery costs no time, and the usual one is memory for nothing. */
const YOUNG_MIB = 4;

/** A thread that answers requests (answer-requests.ts), as its caller sees it. It is started by the first of them. */
export class ThreadCalls<Request> {
  readonly #entry: URL;
  readonly #workerData: unknown;
  #worker: Worker | undefined;
  readonly #exit = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #nextId = 1;
  /** Why there will be no more answers. */
  #ended: Error | undefined;

  constructor(entry: URL, workerData: unknown) {
    this.#entry = entry;
    this.#workerData = workerData;
  }

  /** @throws {StoreError} what the thread threw, or STORE_CLOSED when it is gone */
  call(request: Request): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    const worker = this.#thread();
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, request } satisfies Numbered<Request>);
    });
  }

  /** Ends the thread when it has answered; what is asked after this fails. Can be called twice. */
  async end(): Promise<void> {
    if (!this.#worker) {
      this.#end(CLOSED);
      return;
    }
    // It ends by itself: terminated while it loads a native module, it would take the process with it.
    this.#worker.postMessage(END);
    await this.#exit.promise;
  }

  /** Starts the thread, when it is sure to be asked soon. Can be called twice. */
  start(): void {
    this.#thread();
  }

  #thread(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(this.#entry, {
      workerData: this.#workerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    worker.on('message', (answer: ThreadAnswer) => {
      const call = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ('failure' in answer) call?.reject(new StoreError(answer.failure));
      else call?.resolve(answer.value);
    });
    worker.on('error', (error) => this.#end(failureOf(error)));
    worker.on('exit', () => {
      this.#end(CLOSED);
      this.#exit.resolve();
    });
    this.#worker = worker;
    return worker;
  }

  #end(failure: ThreadFailure): void {
    this.#ended ??= new StoreError(failure);
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }
}

const CLOSED: ThreadFailure = { code: 'STORE_CLOSED', message: 'the store is closed' };
