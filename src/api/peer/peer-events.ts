import type { ServerResponse } from 'node:http';
import type { Peer } from '../../peer/peer.ts';
import { ApiError } from '../api-errors.ts';
import { contentView } from './peer-views.ts';
import type { Shares } from './shares.ts';

/** How often it is looked for changes. */
const LOOK_MS = 500;
/** So often something is said at least, that nobody in between takes the connection for dead. */
const HEARTBEAT_MS = 15_000;
export const MAX_LISTENERS = 50;
/** A listener that leaves so many bytes unread is cut off; it comes back to a full snapshot. */
export const MAX_UNREAD_BYTES = 1024 * 1024;

/**
 * Server-sent events of a peer: `snapshot` with all there is, then `content` and `share` for each one that changed, and
 * `removed` for each one that went.
 */
export class PeerEvents {
  readonly #peer: Peer;
  readonly #shares: Shares;
  readonly #listeners = new Set<ServerResponse>();
  /** What was told last, by `content SHA1` or `share ID`. */
  #told = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #saidMs = 0;

  constructor(peer: Peer, shares: Shares) {
    this.#peer = peer;
    this.#shares = shares;
  }

  /** @throws {ApiError} TOO_MANY */
  listen(response: ServerResponse): void {
    if (this.#listeners.size >= MAX_LISTENERS) {
      throw new ApiError(503, 'TOO_MANY', `${MAX_LISTENERS} listen already; close a page of this peer`);
    }
    // Those who listen already are told first, so that all know the same from here on.
    this.#look();
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    const snapshot = { contents: this.#peer.contents.map(contentView), shares: this.#shares.all };
    response.write(message('snapshot', JSON.stringify(snapshot)));
    this.#told = this.#now();
    this.#listeners.add(response);
    response.once('close', () => this.#forget(response));
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  /** Ends all connections. */
  close(): void {
    for (const listener of this.#listeners) listener.end();
    this.#listeners.clear();
    clearInterval(this.#timer);
  }

  #forget(response: ServerResponse): void {
    this.#listeners.delete(response);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const now = this.#now();
    for (const [key, text] of now) if (this.#told.get(key) !== text) this.#say(message(key.split(' ')[0], text));
    for (const key of this.#told.keys()) {
      const [what, sha1] = key.split(' ');
      if (what === 'content' && !now.has(key)) this.#say(message('removed', JSON.stringify({ sha1 })));
    }
    this.#told = now;
    if (performance.now() - this.#saidMs >= HEARTBEAT_MS) this.#say(': still here\n\n');
  }

  #now(): Map<string, string> {
    return new Map([
      ...this.#peer.contents.map((each): [string, string] => [
        `content ${each.sha1}`,
        JSON.stringify(contentView(each)),
      ]),
      ...this.#shares.all.map((each): [string, string] => [`share ${each.id}`, JSON.stringify(each)]),
    ]);
  }

  #say(text: string): void {
    this.#saidMs = performance.now();
    for (const listener of this.#listeners) {
      if (listener.writableLength > MAX_UNREAD_BYTES) listener.destroy();
      else listener.write(text);
    }
  }
}

function message(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}
