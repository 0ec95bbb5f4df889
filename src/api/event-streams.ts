import type { ServerResponse } from 'node:http';
import { ApiError } from './api-errors.ts';

/** Streams at one time; one more is refused. */
export const MAX_STREAMS = 50;
/** A client that leaves so many bytes unread is cut off: it comes back to a snapshot. */
export const MAX_UNREAD_BYTES = 1024 * 1024;

/** Those who listen to server-sent events, all to the same ones. */
export class EventStreams {
  readonly #open = new Set<ServerResponse>();
  readonly #maxUnreadBytes: number;
  #closed = false;

  constructor(maxUnreadBytes = MAX_UNREAD_BYTES) {
    this.#maxUnreadBytes = maxUnreadBytes;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Begins a stream; its first events are `first`.
   * @throws {ApiError} TOO_MANY
   */
  open(response: ServerResponse, headers: Readonly<Record<string, string>>, first: string): void {
    if (this.#open.size >= MAX_STREAMS || this.#closed) {
      throw new ApiError(503, 'TOO_MANY', `${MAX_STREAMS} pages listen to this instance already; close one`);
    }
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Where the stream ends there is no next request to wait for.
      connection: 'close',
    });
    response.write(first);
    this.#open.add(response);
    response.once('close', () => this.#open.delete(response));
  }

  /** Tells everybody, but for who has not read what it was told before. */
  send(text: string): void {
    for (const response of this.#open) {
      if (response.writableLength > this.#maxUnreadBytes) response.destroy();
      else response.write(text);
    }
  }

  /** Ends all of them; there will be no others. */
  close(): void {
    this.#closed = true;
    for (const response of this.#open) response.end();
  }
}

/** @param data becomes one line of JSON */
export function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
