import type { ServerResponse } from 'node:http';
import { ApiError } from '../api-errors.ts';

/** Streams that may be open, of all kinds together. */
export const MAX_STREAMS = 50;
/** So often something is said at least, that nobody in between takes the connection for dead. */
export const HEARTBEAT_MS = 15_000;

/** Who listens to server-sent events of this peer. */
export class EventStreams {
  readonly #open = new Set<EventStream>();

  /** @throws {ApiError} TOO_MANY */
  open(response: ServerResponse): EventStream {
    if (this.#open.size >= MAX_STREAMS) {
      throw new ApiError(503, 'TOO_MANY', `${MAX_STREAMS} listen already; close a page of this peer`);
    }
    const stream = new EventStream(response);
    this.#open.add(stream);
    stream.onClose(() => this.#open.delete(stream));
    return stream;
  }

  close(): void {
    for (const stream of this.#open) stream.end();
  }
}

/**
 * One of them. Whoever writes to it looks at `isReady` first: a listener that has not taken what it was told before is told
 * nothing more, so that a slow one costs the memory of one message.
 */
export class EventStream {
  readonly #response: ServerResponse;
  #saidMs = performance.now();

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  }

  /** Whether the system has taken all that was sent. */
  get isReady(): boolean {
    return this.#response.writableLength === 0;
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  /** @param json one line of JSON */
  send(event: string, json: string): void {
    this.#write(`event: ${event}\ndata: ${json}\n\n`);
  }

  /** To be called now and then while there is nothing to send. */
  stayAlive(): void {
    if (performance.now() - this.#saidMs >= HEARTBEAT_MS) this.#write(': still here\n\n');
  }

  end(): void {
    this.#response.end();
  }

  #write(text: string): void {
    this.#saidMs = performance.now();
    this.#response.write(text);
  }
}
