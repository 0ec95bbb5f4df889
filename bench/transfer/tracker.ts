import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encode } from '../../src/bittorrent/bencode.ts';

const INTERVAL_S = 1800;

export interface PeerPlace {
  readonly host: string;
  readonly port: number;
}

/**
 * A tracker over HTTP that all systems ask alike: it tells each peer of those that announced before it. A peer is known by its
 * port, and its host is as planned: not all of them ask from the address at which they listen.
 */
export class BenchTracker {
  readonly url: string;
  readonly #close: () => Promise<unknown>;
  #places: readonly PeerPlace[] = [];
  readonly #there = new Set<PeerPlace>();
  readonly #announced = new EventEmitter();

  static async open(): Promise<BenchTracker> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const close = () => {
      server.closeAllConnections();
      return once(server.close(), 'close');
    };
    const tracker = new BenchTracker(`http://127.0.0.1:${port}/announce`, close);
    server.on('request', (request, response) => response.end(tracker.#answer(request.url!)));
    return tracker;
  }

  private constructor(url: string, close: () => Promise<unknown>) {
    this.url = url;
    this.#close = close;
  }

  /** Forgets who announced; from now on these are the peers. */
  expect(places: readonly PeerPlace[]): void {
    this.#places = places;
    this.#there.clear();
  }

  /** Resolves when this one has announced. */
  async knows(place: PeerPlace): Promise<void> {
    while (!this.#there.has(place)) await once(this.#announced, 'announced');
  }

  async close(): Promise<void> {
    await this.#close();
  }

  #answer(url: string): Uint8Array {
    const port = Number(/[?&]port=(\d+)/.exec(url)?.[1]);
    const others = [...this.#there].filter((place) => place.port !== port);
    const asker = this.#places.find((place) => place.port === port);
    if (asker && /[?&]event=stopped/.test(url)) this.#there.delete(asker);
    else if (asker) this.#there.add(asker);
    this.#announced.emit('announced');
    const peers = others.flatMap(({ host, port }) => [...host.split('.').map(Number), port >> 8, port & 255]);
    return encode({ interval: INTERVAL_S, peers: Uint8Array.from(peers) });
  }
}
