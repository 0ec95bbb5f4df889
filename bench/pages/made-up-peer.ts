import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { pages } from '../../src/api/pages.ts';
import {
  type ConnectedPeerView,
  type ContentChanges,
  type ContentSnapshot,
  LOOK_MS,
  MAX_SAMPLES,
  type PeerChanges,
  type PeerContentView,
  type PeerSnapshot,
  type PeerStatus,
  PIECE_ACTIVE,
  PIECE_HERE,
} from '../../src/api/peer/peer-schemas.ts';
import { changedRuns } from '../../src/api/peer/piece-map.ts';

export interface MadeUpPeerOptions {
  readonly downloads: number;
  readonly pieces: number;
}

export interface MadeUpPeer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  /** Of one of its downloads. */
  readonly sha1: string;
}

const PIECE_BYTES = 1024 * 1024;
const PEERS = 60;
/** Pieces that change with each event, half of them to be fetched and half of them here: more than any disk takes. */
const PIECES_EACH = 500;

/**
 * The pages of a peer and the events behind them, of downloads that nobody makes: every LOOK_MS all of them have moved on. So
 * what is measured is the page, and not the peer.
 */
export async function madeUpPeer({ downloads, pieces: pieceCount }: MadeUpPeerOptions): Promise<MadeUpPeer> {
  const contents = Array.from({ length: downloads }, (_, number) => download(number, pieceCount * PIECE_BYTES));
  const map = new Uint8Array(pieceCount).map((_, piece) => 1 + ((piece * 7) % 40));
  const listeners = new Set<ServerResponse>();
  const insideListeners = new Set<ServerResponse>();
  const app = fastify();
  app.get('/api/v1/events', async (_request, reply) => {
    listen(listeners, reply.hijack().raw, {
      peer: STATUS,
      contents,
      shares: [],
      transfer: { at: Date.now(), samples: SAMPLES, downloaded: 0, uploaded: 0 },
    } satisfies PeerSnapshot);
  });
  app.get('/api/v1/contents/:sha1/events', async (_request, reply) => {
    const text = Buffer.from(map).toString('base64');
    listen(insideListeners, reply.hijack().raw, {
      pieces: { pieceLength: PIECE_BYTES, pieceCount, map: text },
      peers: connected(),
    } satisfies ContentSnapshot);
  });
  const files = Array.from({ length: 50 }, (_, i) => ({ path: `film/part ${i}`, size: PIECE_BYTES, bytesDone: i }));
  app.get('/api/v1/contents/:sha1/files', async () => ({ files, total: 1_000, next: files.length }));
  await app.register(pages({ entry: 'peer.html' }));
  await app.listen({ host: '127.0.0.1', port: 0 });

  let turn = 0;
  const timer = setInterval(() => {
    turn++;
    for (const [i, content] of contents.entries()) contents[i] = movedOn(content);
    const changes: PeerChanges = { contents };
    if ((turn * LOOK_MS) % 1_000 === 0) {
      changes.transfer = { at: Date.now(), samples: [[4e8, 1e8]], downloaded: turn * 4e7, uploaded: turn * 1e7 };
    }
    tell(listeners, changes);
    const before = map.slice();
    for (let n = 0; n < PIECES_EACH; n++) {
      map[Math.floor(Math.random() * pieceCount)] = n % 2 === 0 ? PIECE_HERE : PIECE_ACTIVE;
    }
    const inside: ContentChanges = { runs: changedRuns(before, map) };
    if (turn % 5 === 0) inside.peers = connected();
    tell(insideListeners, inside);
  }, LOOK_MS);
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    sha1: contents[0].sha1,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      for (const response of [...listeners, ...insideListeners]) response.destroy();
      await app.close();
    },
  };
}

const SAMPLES = Array.from({ length: MAX_SAMPLES }, (_, i): [number, number] => [1e7 + i * 1e5, 1e6]);

const STATUS: PeerStatus = {
  port: 6881,
  tracker: '127.0.0.1:6969',
  downloads: '/downloads',
  shareFolder: null,
  uploads: '/uploads',
  rates: { upload: null, download: null },
};

function download(number: number, size: number): PeerContentView {
  return {
    sha1: randomBytes(20).toString('hex'),
    name: `A film that somebody made, part ${number + 1}.mkv`,
    size,
    folder: '/downloads',
    state: 'downloading',
    reason: null,
    isPrivate: false,
    bytesDone: 0,
    downloaded: 0,
    uploaded: 0,
    downSpeed: 0,
    upSpeed: 0,
    peers: PEERS,
    seeders: 10,
    leechers: 50,
    trackerError: null,
  };
}

function movedOn(content: PeerContentView): PeerContentView {
  const bytes = Math.floor(Math.random() * 4 * PIECE_BYTES);
  const bytesDone = Math.min(content.bytesDone + bytes, content.size!);
  const moved = { bytesDone, downloaded: content.downloaded + bytes, uploaded: content.uploaded + bytes / 4 };
  return { ...content, ...moved, downSpeed: bytes * 10, upSpeed: bytes * 2.5 };
}

function connected(): ConnectedPeerView[] {
  return Array.from({ length: PEERS }, (_, number) => ({
    host: `192.0.2.${number + 1}`,
    port: 6_881,
    incoming: number % 2 === 0,
    client: 'Swarmkeeper 0.1.0',
    pieces: number * 100,
    downSpeed: Math.random() * 1e7,
    upSpeed: Math.random() * 1e6,
    isChoking: false,
    amChoking: number % 3 === 0,
    isInterested: true,
    amInterested: true,
  }));
}

function listen(listeners: Set<ServerResponse>, response: ServerResponse, snapshot: object): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
  response.write(`event: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`);
  listeners.add(response);
  response.once('close', () => listeners.delete(response));
}

/** As the real one does, nothing is told to who has not taken what was told before. */
function tell(listeners: Set<ServerResponse>, changes: object): void {
  const text = `event: changes\ndata: ${JSON.stringify(changes)}\n\n`;
  for (const response of listeners) if (response.writableLength === 0) response.write(text);
}
