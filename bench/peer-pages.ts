// How smoothly the pages of a peer run: node bench/peer-pages.ts [--seconds N]
//
// A server that tells what a busy peer would, by the schemas of its API: 200 downloads and a piece map of 50,000 pieces, all of them
// changing ten times a second. Chromium shows the list of downloads, then one download, and the frames of each are counted.
// Needs Chromium, and the pages (npm run build:web).

import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import fastify from 'fastify';
import { type Browser, chromium } from 'playwright-core';
import { pages } from '../src/api/pages.ts';
import {
  type ConnectedPeerView,
  type ContentChanges,
  type ContentSnapshot,
  type FilesView,
  LOOK_MS,
  type PeerChanges,
  type PeerContentView,
  type PeerSnapshot,
} from '../src/api/peer/peer-schemas.ts';
import { base64, changedRuns } from '../src/api/peer/piece-map.ts';
import { findProgram } from '../test/harness/programs.ts';

const DOWNLOADS = 200;
const PIECES = 50_000;
const PIECE_LENGTH = 256 * 1024;
const PEERS = 60;
/** Pieces that change in one look. */
const CHANGES = 500;
/** The table of peers is told every so many looks. */
const PEERS_EVERY = 5;
const SAMPLES = 600;
const SETTLE_MS = 2_500;

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' } } });
const contents = Array.from({ length: DOWNLOADS }, (_, i): PeerContentView => {
  const numbers = { bytesDone: 1e9, downloaded: 1e9, uploaded: 5e8, downSpeed: 0, upSpeed: 0, peers: PEERS };
  const others = { seeders: 4, leechers: 30, trackerError: null, reason: null, isPrivate: false };
  const sha1 = i.toString(16).padStart(40, '0');
  return {
    sha1,
    name: `download-${i}.iso`,
    size: PIECES * PIECE_LENGTH,
    folder: '/',
    state: 'downloading',
    ...numbers,
    ...others,
  };
});

const app = fastify({ forceCloseConnections: true });
app.get('/api/v1/events', (_request, reply) => {
  reply.hijack();
  tell(reply.raw, listEvents());
});
app.get('/api/v1/contents/:sha1/events', (_request, reply) => {
  reply.hijack();
  tell(reply.raw, contentEvents());
});
app.get('/api/v1/contents/:sha1/files', async (): Promise<FilesView> => {
  const files = Array.from({ length: 50 }, (_, i) => ({ path: `folder/file-${i}`, size: 1e9, bytesDone: below(1e9) }));
  return { files, total: 1_000, next: 50 };
});
await app.register(pages({ entry: 'peer.html' }));
await app.listen({ host: '127.0.0.1', port: 0 });
const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
const browser = await chromium.launch({
  executablePath: findProgram('chromium') ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  for (const [name, path] of [
    [`list of ${DOWNLOADS} downloads`, '/'],
    [`one download, ${PIECES} pieces`, `/downloads/${contents[3].sha1}`],
  ]) {
    const { framesPerSecond, p99Ms, longestMs } = await frames(browser, url + path, Number(values.seconds) * 1_000);
    console.log(
      `${name}: ${framesPerSecond.toFixed(1)} frames/s, 99% within ${p99Ms.toFixed(1)} ms, longest ${longestMs.toFixed(1)} ms`,
    );
  }
} finally {
  await browser.close();
  await app.close();
}

function tell(response: ServerResponse, events: Generator<[event: string, data: object]>): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const next = () => {
    const [event, data] = events.next().value;
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  next();
  const timer = setInterval(next, LOOK_MS);
  response.on('close', () => clearInterval(timer));
}

function* listEvents(): Generator<[string, PeerSnapshot | PeerChanges], never> {
  const samples = Array.from({ length: SAMPLES }, (): [number, number] => [below(1e7), below(1e6)]);
  const peer = {
    port: 6881,
    tracker: '127.0.0.1:6969',
    downloads: '/',
    shareFolder: null,
    uploads: '/',
    rates: { upload: null, download: null },
  };
  yield [
    'snapshot',
    { peer, contents, shares: [], transfer: { at: Date.now(), samples, downloaded: 1e9, uploaded: 1e8 } },
  ];
  for (let look = 0; ; look++) {
    for (const content of contents) {
      content.bytesDone += below(1e6);
      content.downSpeed = below(1e7);
      content.upSpeed = below(1e6);
      content.peers = 1 + below(PEERS);
    }
    const transfer = {
      at: Date.now(),
      samples: [[below(1e7), below(1e6)] as [number, number]],
      downloaded: 1e9,
      uploaded: 1e8,
    };
    yield ['changes', { contents, ...(look % (1_000 / LOOK_MS) === 0 && { transfer }) }];
  }
}

function* contentEvents(): Generator<[string, ContentSnapshot | ContentChanges], never> {
  let map = new Uint8Array(PIECES).map(() => below(12));
  yield ['snapshot', { pieces: { pieceLength: PIECE_LENGTH, pieceCount: PIECES, map: base64(map) }, peers: [] }];
  for (let look = 0; ; look++) {
    const next = map.slice();
    for (let i = 0; i < CHANGES; i++) next[below(PIECES)] = below(256);
    yield ['changes', { runs: changedRuns(map, next), ...(look % PEERS_EVERY === 0 && { peers: connectedPeers() }) }];
    map = next;
  }
}

function connectedPeers(): ConnectedPeerView[] {
  const choking = { isChoking: false, amChoking: true, isInterested: true, amInterested: true };
  return Array.from({ length: PEERS }, (_, i) => ({
    host: `192.0.2.${i + 1}`,
    port: 6881,
    incoming: false,
    client: 'Swarmkeeper',
    pieces: below(PIECES),
    downSpeed: below(1e6),
    upSpeed: 0,
    ...choking,
  }));
}

async function frames(browser: Browser, url: string, durationMs: number) {
  const page = await browser.newPage({ viewport: { width: 1_600, height: 1_000 } });
  await page.goto(url);
  await page.waitForTimeout(SETTLE_MS);
  const gaps = await page.evaluate(async (durationMs) => {
    const { requestAnimationFrame } = globalThis as unknown as {
      requestAnimationFrame(told: (at: number) => void): void;
    };
    const next = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
    const gaps: number[] = [];
    const begin = await next();
    for (let last = begin; last - begin < durationMs; ) {
      const at = await next();
      gaps.push(at - last);
      last = at;
    }
    return gaps;
  }, durationMs);
  await page.close();
  const sorted = gaps.toSorted((a, b) => a - b);
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  return {
    framesPerSecond: (gaps.length * 1_000) / total,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)],
    longestMs: sorted.at(-1)!,
  };
}

/** A whole number from 0 to below `end`. */
function below(end: number): number {
  return Math.floor(Math.random() * end);
}
