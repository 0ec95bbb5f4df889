import { type MessagePort, Worker } from 'node:worker_threads';
import { parseIp } from '../bittorrent/compact-peers.ts';
import { workerUrl } from '../cluster/worker-url.ts';
import { type ForwardedRequest, type Outcome, STATUS_DONE } from './forwarding/forward-messages.ts';
import type { Problem, ServeOptions, ServeReply, ServeRequest } from './serve-messages.ts';
import type { AdmissionChange, HandedConnection, TrackerHttpReply, TrackerHttpRequest } from './tracker.ts';

/** The serve thread had to stop, or refused something; `code` is that of the reason, e.g. NOT_MASTER. */
export class ServeError extends Error {
  override readonly name = 'ServeError';
  readonly code: string;
  constructor({ code, message }: Problem) {
    super(message);
    this.code = code;
  }
}

/** The serve thread as the thread that started it holds it. */
export class ServeClient {
  /** Resolves when the thread can no longer serve; the instance must stop. */
  readonly failed: Promise<Error>;
  /** State hash and the log index it belongs to, as of the last news. */
  state: { readonly index: bigint; readonly hash: string } = { index: 0n, hash: '' };
  port = 0;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #waiting = new Map<number, PromiseWithResolvers<Outcome>>();
  readonly #listening = Promise.withResolvers<void>();
  readonly #fail: (error: Error) => void;
  #onConnection: ((connection: HandedConnection) => void) | undefined;
  /** Connections that came before anybody listened for them; at most MAX_EARLY_CONNECTIONS. */
  readonly #early: HandedConnection[] = [];
  #nextId = 1;
  #end: Error | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Starts the thread; resolves when it listens.
   * @param unless resolves if there is no point in waiting any longer, with the reason
   * @throws {ServeError} with the code of what went wrong, e.g. EADDRINUSE
   */
  static async start(options: ServeOptions, transfer: MessagePort[], unless: Promise<Error>): Promise<ServeClient> {
    const client = new ServeClient(
      new Worker(workerUrl('./serve-thread', import.meta.url), { workerData: options, transferList: transfer }),
    );
    try {
      await Promise.race([client.#listening.promise, unless.then((reason) => Promise.reject(reason))]);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    const failed = Promise.withResolvers<Error>();
    this.failed = failed.promise;
    this.#fail = (error) => {
      if (this.#end) return;
      this.#end = error;
      this.#listening.reject(error);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
      if (!this.#closing) failed.resolve(error);
    };
    this.#ended = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (reply: ServeReply) => this.#receive(reply));
    worker.on('error', this.#fail);
    worker.on('exit', () => this.#fail(new ServeError({ code: 'SERVE_ENDED', message: 'the serve thread ended' })));
  }

  async answerHttp({ path, query, remoteAddress }: TrackerHttpRequest): Promise<TrackerHttpReply> {
    const ip = parseIp(remoteAddress.replace(/%.*$/, ''));
    if (ip === undefined) return { status: 400, body: new TextEncoder().encode(`no address: ${remoteAddress}`) };
    return this.#ask({ type: 'http', path, query, ip: [...ip] });
  }

  /** @throws {ServeError} with the code of what the master refused it with */
  changeAdmission(change: AdmissionChange): Promise<void> {
    return this.#askToDo({ type: 'change-admission', change });
  }

  /** @throws {ServeError} NOT_MASTER, HANDOVER_FAILED */
  stepDown(): Promise<void> {
    return this.#askToDo({ type: 'step-down' });
  }

  /** @throws {ServeError} NOT_MASTER, NO_MEMBER, MEMBER_ALIVE, MEMBER_NEEDED, UNCERTAIN */
  removeMember(member: string): Promise<void> {
    return this.#askToDo({ type: 'remove-member', member });
  }

  onConnection(listener: (connection: HandedConnection) => void): void {
    this.#onConnection = listener;
    for (const connection of this.#early.splice(0)) listener(connection);
  }

  /** Stops answering and ends the thread. Can be called twice. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      // One that has served is asked even after a failure: ended from outside, it could be in the middle of a system call.
      if (this.#end && this.port === 0) void this.#worker.terminate();
      else this.#worker.postMessage({ type: 'close' } satisfies ServeRequest);
      const timer = setTimeout(() => void this.#worker.terminate(), CLOSE_GRACE_MS);
      await this.#ended;
      clearTimeout(timer);
    })();
    return this.#closing;
  }

  async #askToDo(request: ForwardedRequest): Promise<void> {
    const { status, body } = await this.#ask(request);
    if (status !== STATUS_DONE) throw new ServeError(JSON.parse(new TextDecoder().decode(body)) as Problem);
  }

  #ask(request: ForwardedRequest): Promise<Outcome> {
    if (this.#end) return Promise.reject(this.#end);
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<Outcome>();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ type: 'ask', id, request } satisfies ServeRequest);
    return waiting.promise;
  }

  #receive(reply: ServeReply): void {
    switch (reply.type) {
      case 'listening':
        this.port = reply.port;
        this.#listening.resolve();
        break;
      case 'outcome':
        this.#take(reply.id)?.resolve(reply.outcome);
        break;
      case 'connection':
        if (this.#onConnection) this.#onConnection(reply.connection);
        else if (this.#early.length < MAX_EARLY_CONNECTIONS) this.#early.push(reply.connection);
        break;
      case 'state':
        this.state = reply;
        break;
      case 'failed':
        this.#fail(new ServeError({ code: reply.code, message: reply.reason }));
    }
  }

  #take(id: number): PromiseWithResolvers<Outcome> | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}

const CLOSE_GRACE_MS = 2_000;
/** Between the first moment that the port is open and the API's start. */
export const MAX_EARLY_CONNECTIONS = 1_024;
