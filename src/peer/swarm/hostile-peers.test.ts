import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  BLOCK_HEADER_BYTES,
  type Block,
  encodeExtended,
  encodeHandshake,
  HANDSHAKE_BYTES,
  REQUEST,
  writeBlockHeader,
  writeBlockMessage,
} from '../../bittorrent/peer-wire.ts';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { DownloadManager } from '../download-manager.ts';
import { FIRST_PIPELINE_BYTES } from '../exchange/request-pipeline.ts';
import { type TestContent, testContent } from '../store/test-content.ts';
import { MemoryPeerNetwork } from '../transport/memory-peer-transport.ts';
import type { PeerLink } from '../transport/peer-transport.ts';
import { type Download, type DownloadEvent, MAX_SESSIONS } from './download.ts';
import { MAX_IN_LOBBY } from './lobby.ts';
import { MAX_UNREAD_BYTES, MAX_UNWANTED_BYTES } from './peer-session.ts';
import { TestPeer } from './test-peer.ts';

const DEADLINE_MS = 60_000;
const KIB = 1024;
const content = testContent([{ path: [], length: 1_500_000 }], { pieceLength: 64 * KIB });

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) assert.fail(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

let drawn = 0;
/** What a test peer says of itself: each another peer ID. */
const hello = (infoHash = content.info.infoHash) => ({
  infoHash,
  peerId: new TextEncoder().encode(`-XX0000-${String(drawn++).padStart(12, '0')}`),
  features: { extended: false, fast: true, dht: false },
});

interface Scene {
  readonly network: MemoryPeerNetwork;
  readonly download: Download;
  readonly manager: DownloadManager;
  readonly folder: string;
  readonly events: DownloadEvent[];
  /** What honest peers answer. */
  honest(peer: TestPeer, block: Block): void;
  /** Lets peers at `host` answer as `act` does, and tells the download of them. */
  enter(host: string, act: (peer: TestPeer, block: Block) => void): Promise<TestPeer[]>;
  /** Connects to the download and says hello. */
  visit(host: string): Promise<TestPeer>;
  finished(): Promise<void>;
}

async function scene(t: TestContext, given: TestContent = content): Promise<Scene> {
  const network = new MemoryPeerNetwork();
  const folder = temporaryFolder();
  const manager = new DownloadManager({ dataFolder: join(folder, 'data'), transport: network.transport('us') });
  t.after(() => manager.close());
  await manager.listen('us', 6881);
  const download = await manager.add({ metainfo: given.metainfo, folder });
  const events: DownloadEvent[] = [];
  download.on((event) => events.push(event));
  await until('it is downloading', () => download.state === 'downloading');
  return {
    network,
    download,
    manager,
    folder,
    events,
    honest: (peer, block) => {
      const at = block.piece * given.info.pieceLength + block.begin;
      peer.send(block, given.bytes.slice(at, at + block.length));
    },
    async enter(host, act) {
      const peers: TestPeer[] = [];
      const listener = await network
        .transport(host)
        .listen(host, 1, (link) => peers.push(new TestPeer(link, hello(given.info.infoHash), act)));
      t.after(() => listener.close());
      manager.addPeers(download, [{ host, port: 1 }]);
      await until(`${host} is connected`, () => peers.length > 0);
      return peers;
    },
    async visit(host) {
      const link = await network.transport(host).connect({ host: 'us', port: 6881 });
      return new TestPeer(link, hello(given.info.infoHash));
    },
    async finished() {
      await until('all is there', () => download.state === 'seeding');
      assert.ok(readFileSync(join(folder, 'content')).equals(given.bytes));
    },
  };
}

describe('Among hostile peers a download', { concurrency: 4 }, () => {
  it('finishes with the honest ones, and bans who sends wrong bytes, and nobody else', async (t) => {
    const { enter, honest, finished, events } = await scene(t);
    await enter('liar', (peer, block) => peer.send(block, new Uint8Array(block.length)));
    await enter('honest', honest);
    await finished();
    assert.deepEqual(
      events.filter(({ type }) => type === 'banned'),
      [{ type: 'banned', host: 'liar' }],
    );
  });

  it('finds who sends a wrong block now and then', async (t) => {
    // More than the others are asked for at first, who answer when it was asked too: what it sends is waited for.
    const large = testContent([{ path: [], length: 4 * FIRST_PIPELINE_BYTES }], { pieceLength: 64 * KIB });
    const { enter, honest, finished, events } = await scene(t, large);
    let sent = 0;
    const held: (() => void)[] = [];
    for (const host of ['one', 'two', 'three']) {
      await enter(host, (peer, block) => {
        if (sent > 0) honest(peer, block);
        else held.push(() => honest(peer, block));
      });
    }
    await enter('sly', (peer, block) => {
      if (sent++ % 3 === 0) peer.send(block, new Uint8Array(block.length));
      else honest(peer, block);
      for (const answer of held.splice(0)) answer();
    });
    await finished();
    assert.ok(sent > 0);
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'banned' ? [event.host] : [])),
      ['sly'],
    );
  });

  it('is not held up by peers that promise and do not send', async (t) => {
    const { enter, honest, finished } = await scene(t);
    for (const host of ['silent', 'deaf']) await enter(host, () => {});
    await enter('honest', honest);
    await finished();
  });

  it('is not held up by peers that send a byte now and then, with what they were asked for first', async (t) => {
    // Two pieces have room in memory at once: the slow ones get hold of both.
    const large = testContent([{ path: [], length: 40 * 1024 * KIB }], { pieceLength: 16 * 1024 * KIB });
    const { enter, honest, finished, download, events } = await scene(t, large);
    const drip = (peer: TestPeer, block: Block) => {
      if (dripping.has(peer)) return;
      const header = new Uint8Array(BLOCK_HEADER_BYTES);
      writeBlockHeader(header, 0, block);
      peer.out.parts([header, Uint8Array.of(1)]);
      dripping.add(peer);
      const timer = setInterval(() => peer.out.parts([Uint8Array.of(1)]), 500);
      t.after(() => clearInterval(timer));
    };
    const dripping = new Set<TestPeer>();
    for (const host of ['slow-1', 'slow-2', 'slow-3']) await enter(host, drip);
    await until('the slow ones hold something', () => dripping.size === 3);
    await enter('honest', honest);
    await finished();
    assert.ok(download.downMeter.total < 2 * large.info.size, 'much was fetched twice');
    assert.deepEqual(
      events.filter(({ type }) => type === 'banned'),
      [],
    );
  });

  it('parts from who breaks the rules of the wire', async (t) => {
    const { visit, download } = await scene(t);
    const bytes = (...values: number[]) => Uint8Array.from(values);
    const breaches: [string, (peer: TestPeer) => void][] = [
      ['a message of 2 GiB', ({ out }) => out.parts([bytes(0x80, 0, 0, 0, 20)])],
      ['a block of 4 GiB', ({ out }) => out.parts([bytes(0xff, 0xff, 0xff, 0xff, 7)])],
      ['a have of a piece that is not', ({ out }) => out.piece(4, content.info.pieceCount)],
      ['a request beyond a piece', ({ out }) => out.block(REQUEST, { piece: 0, begin: 60 * KIB, length: 16 * KIB })],
      ['a request of 200 KiB', ({ out }) => out.block(REQUEST, { piece: 0, begin: 0, length: 200 * KIB })],
      ['a request of nothing', ({ out }) => out.block(REQUEST, { piece: 0, begin: 0, length: 0 })],
      ['an extended handshake that is none', ({ out }) => out.parts([encodeExtended(0, bytes(1, 2, 3))])],
      [
        'metadata of 2 GiB',
        ({ out }) => out.parts([encodeExtended(1, new TextEncoder().encode('d8:msg_type2147483648:'))]),
      ],
      ['a second handshake', ({ out }) => out.parts([encodeHandshake(hello())])],
    ];
    for (const [name, breach] of breaches) {
      const peer = await visit(name);
      await until(`${name}: the conversation began`, () => peer.heard.includes('interested'));
      breach(peer);
      await until(`${name}: it ended`, () => peer.closed);
    }
    const peer = await visit('bitfield');
    await until('the conversation began', () => peer.heard.includes('interested'));
    await until('all have left', () => download.sessions.size === 1);
  });

  it('parts from who floods it with blocks that it did not ask for', async (t) => {
    const { visit } = await scene(t);
    const peer = await visit('flood');
    const block = { piece: 0, begin: 0, length: 128 * KIB };
    const sent = Math.ceil(MAX_UNWANTED_BYTES / block.length) + 1;
    for (let i = 0; i < sent; i++) peer.send(block, new Uint8Array(block.length));
    await until('it ended', () => peer.closed);
  });

  it('parts from who asks and asks and reads no answer, before they fill the memory', async (t) => {
    const { visit, download } = await scene(t);
    const request = new Uint8Array(17);
    writeBlockMessage(request, 0, REQUEST, { piece: 0, begin: 0, length: 16 * KIB });
    const floods: [string, Uint8Array][] = [
      ['pieces that are not there', request],
      ['metadata', encodeExtended(1, new TextEncoder().encode('d8:msg_typei0e5:piecei0ee'))],
    ];
    for (const [name, question] of floods) {
      const peer = await visit(name);
      await until('the conversation began', () => peer.heard.includes('interested'));
      const [session] = download.sessions.values();
      peer.out.parts([encodeExtended(0, new TextEncoder().encode('d1:md11:ut_metadatai3eee'))]);
      peer.link.pause();
      const many = Buffer.concat(Array<Uint8Array>(1_000).fill(question));
      for (let sent = 0; !session.isClosed && sent < 1_000; sent++) {
        peer.out.parts([many]);
        await new Promise((resolve) => setImmediate(resolve));
        assert.ok(session.link.unsentBytes < 2 * MAX_UNREAD_BYTES, `${name}: ${session.link.unsentBytes} bytes wait`);
      }
      assert.ok(session.isClosed, name);
    }
  });

  it('does not speak with itself, nor about what it does not have', async (t) => {
    const { manager, download, network } = await scene(t);
    manager.addPeers(download, [manager.address!]);
    await until('it forgot itself', () => download.candidates.size === 0 && download.sessions.size === 0);
    for (const first of [
      encodeHandshake(hello(new Uint8Array(20))),
      new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'),
    ]) {
      const link = await network.transport('stranger').connect({ host: 'us', port: 6881 });
      let closed = false;
      link.start({ chunk: () => assert.fail('it answered'), drained: () => {}, closed: () => (closed = true) });
      link.write([first.subarray(0, 10)]);
      link.write([first.subarray(10, HANDSHAKE_BYTES)]);
      await until('it hung up', () => closed);
    }
  });

  it('keeps a bounded number of conversations, those of priority before others', async (t) => {
    const { network, download } = await scene(t);
    const links: PeerLink[] = [];
    for (let i = 0; i < MAX_SESSIONS + 30; i++) {
      const link = await network.transport(`10.${i}.0.1`).connect({ host: 'us', port: 6881 });
      links.push(new TestPeer(link, hello()).link);
      await until('it was let in or not', () => download.sessions.size === Math.min(i + 1, MAX_SESSIONS));
    }
    const kept = [...download.sessions.values()].map(({ link }) => Number(link.remote.host.split('.')[1]));
    assert.ok(
      kept.some((i) => i >= MAX_SESSIONS),
      'none of the late ones was let in',
    );
    for (const link of links) link.close();
  });

  it('lets a bounded number of peers in who say nothing', async (t) => {
    const { network, visit } = await scene(t);
    const links: PeerLink[] = [];
    let closed = 0;
    for (let i = 0; i < MAX_IN_LOBBY + 20; i++) {
      const link = await network.transport('crowd').connect({ host: 'us', port: 6881 });
      link.start({ chunk: () => {}, drained: () => {}, closed: () => closed++ });
      links.push(link);
    }
    await until('those beyond are sent away', () => closed === 20);
    links[0].close();
    await until('one left', () => closed === 21);
    const peer = await visit('guest');
    await until('there is room again', () => peer.heard.includes('interested'));
    for (const link of links) link.close();
  });
});

describe('A torrent that wants to be written elsewhere', () => {
  it('is refused before a file is made', async (t) => {
    const folder = temporaryFolder();
    const manager = new DownloadManager({ dataFolder: join(folder, 'data') });
    t.after(() => manager.close());
    const target = join(folder, 'target');
    mkdirSync(target);
    const good = Buffer.from(
      testContent([{ path: ['aa', 'bb'], length: 10 }], { pieceLength: 32 * KIB }).metainfo,
    ).toString('latin1');
    for (const [from, to] of [
      ['2:aa', '2:..'],
      ['2:bb', '2:..'],
      ['2:aa', '0:'],
      ['2:aa', '2:a/'],
      ['2:aa', '2:a\0'],
      ['7:content', '2:..'],
      ['7:content', '9:/etc/hack'.slice(0, 11)],
    ]) {
      const metainfo = new Uint8Array(Buffer.from(good.replace(from, to), 'latin1'));
      await assert.rejects(
        manager.add({ metainfo, folder: target }),
        (error: Error & { code?: string }) => error.code !== undefined,
      );
    }
    assert.deepEqual(readdirSync(target), []);
  });
});
