import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  EXTENDED_HANDSHAKE,
  type ExtendedHandshake,
  encodeExtendedHandshake,
  parseExtendedHandshake,
  UT_METADATA,
} from '../../bittorrent/extension-protocol.ts';
import { encodeMetadataMessage, parseMetadataMessage } from '../../bittorrent/metadata-exchange.ts';
import {
  BLOCK_BYTES,
  type Block,
  CANCEL,
  encodeExtended,
  HAVE_NONE,
  NOT_INTERESTED,
  type PeerFeatures,
  REQUEST,
} from '../../bittorrent/peer-wire.ts';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { DownloadManager, type DownloadManagerOptions } from '../download-manager.ts';
import { MAX_QUEUED_REQUESTS } from '../exchange/upload-queue.ts';
import { testContent } from '../store/test-content.ts';
import { MemoryPeerNetwork } from '../transport/memory-peer-transport.ts';
import { LARGE_REQUEST_BYTES } from './peer-session.ts';
import { TestPeer } from './test-peer.ts';

const DEADLINE_MS = 30_000;
const KIB = 1024;
const content = testContent([{ path: [], length: 1_000_000 }], { pieceLength: 256 * KIB });

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) assert.fail(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A leecher that a test plays; it keeps the extended messages that it hears. */
class Leecher extends TestPeer {
  override first = HAVE_NONE;
  handshakeHeard: ExtendedHandshake | undefined;
  readonly payloads: Uint8Array[] = [];

  override extended = (extension: number, payload: Uint8Array): void => {
    if (extension === EXTENDED_HANDSHAKE) this.handshakeHeard = parseExtendedHandshake(payload);
    else this.payloads.push(new Uint8Array(payload));
  };

  ask(...blocks: Block[]): void {
    for (const block of blocks) this.out.block(REQUEST, block);
  }

  extend(extension: number, payload: Uint8Array): void {
    this.out.parts([encodeExtended(extension, payload)]);
  }
}

let drawn = 0;

async function seeding(t: TestContext, options: Partial<DownloadManagerOptions> = {}) {
  const network = new MemoryPeerNetwork();
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'content'), content.bytes);
  const manager = new DownloadManager({
    dataFolder: join(folder, 'data'),
    transport: network.transport('us'),
    ...options,
  });
  t.after(() => manager.close());
  await manager.listen('us', 1);
  const download = await manager.add({ metainfo: content.metainfo, folder });
  await download.settled();
  const visit = async (features: Partial<PeerFeatures> = {}, host = `leecher${drawn}`) => {
    const link = await network.transport(host).connect({ host: 'us', port: 1 });
    return new Leecher(link, {
      infoHash: content.info.infoHash,
      peerId: new TextEncoder().encode(`-XX0000-${String(drawn++).padStart(12, '0')}`),
      features: { extended: true, fast: true, dht: false, ...features },
    });
  };
  return { download, visit };
}

const block = (piece: number, begin: number, length = BLOCK_BYTES): Block => ({ piece, begin, length });
const bytesOf = ({ piece, begin, length }: Block) => {
  const at = piece * content.info.pieceLength + begin;
  return content.bytes.slice(at, at + length);
};

describe('To a leecher a seeder', { concurrency: 4 }, () => {
  it('says that it has all, in the words that the leecher knows', async (t) => {
    const { visit } = await seeding(t);
    const fast = await visit();
    await until('it spoke', () => fast.heard.includes('have all'));
    const plain = await visit({ fast: false, extended: false });
    await until('it spoke', () => plain.heard.includes('bitfield'));
    assert.equal(plain.handshakeHeard, undefined);
    assert.equal(fast.handshakeHeard?.metadataBytes, content.info.infoBytes.length);
    assert.equal(fast.handshakeHeard?.requestQueue, MAX_QUEUED_REQUESTS);
    assert.equal(fast.handshakeHeard?.port, 1);
    assert.equal(fast.handshakeHeard?.uploadOnly, true);
  });

  it('sends what it is asked for, once it unchoked', async (t) => {
    const { visit, download } = await seeding(t);
    const peer = await visit();
    await until('it may ask', () => peer.heard.includes('unchoke'));
    const last = content.info.pieceCount - 1;
    const asked = [
      block(0, 0),
      block(0, BLOCK_BYTES),
      block(0, 5 * BLOCK_BYTES),
      block(1, 7, 100),
      block(last, 0, 128 * KIB),
      block(last, content.info.size - last * 256 * KIB - 1, 1),
    ];
    peer.ask(...asked);
    await until('all came', () => peer.blocks.length === asked.length);
    assert.deepEqual(
      peer.blocks.map((each) => each.block),
      asked,
    );
    for (const each of peer.blocks) assert.deepEqual(each.bytes, bytesOf(each.block));
    assert.equal(
      download.upMeter.total,
      asked.reduce((sum, { length }) => sum + length, 0),
    );
  });

  it('answers long requests of peers of ours only', async (t) => {
    const { visit } = await seeding(t);
    const ours = await visit();
    ours.extend(EXTENDED_HANDSHAKE, encodeExtendedHandshake({ extensions: new Map([['sk_large_requests', 4]]) }));
    await until('it may ask', () => ours.heard.includes('unchoke'));
    const whole = block(1, 0, LARGE_REQUEST_BYTES);
    ours.ask(whole);
    await until('it came', () => ours.blocks.length === 1);
    assert.deepEqual(ours.blocks[0].bytes, bytesOf(whole));
    const stranger = await visit();
    await until('it may ask', () => stranger.heard.includes('unchoke'));
    stranger.ask(whole);
    await until('it hung up', () => stranger.closed);
  });

  it('refuses who is choked, by word if the leecher knows it', async (t) => {
    const { visit } = await seeding(t, { uploadSlots: 1 });
    const first = await visit();
    await until('one is unchoked', () => first.heard.includes('unchoke'));
    const second = await visit();
    const plain = await visit({ fast: false });
    await until('all were greeted', () => second.heard.includes('have all') && plain.heard.includes('bitfield'));
    second.ask(block(0, 0));
    await until('it was refused', () => second.heard.includes('reject 0 0'));
    plain.ask(block(0, 0));
    first.ask(block(0, 0));
    await until('the other one was sent to', () => first.blocks.length === 1);
    assert.deepEqual(plain.heard, ['bitfield']);
  });

  it('lets a newcomer begin with a few pieces while it is choked, once', async (t) => {
    const { visit } = await seeding(t, { uploadSlots: 1 });
    const first = await visit();
    await until('one is unchoked', () => first.heard.includes('unchoke'));
    const second = await visit({}, '10.1.2.3');
    await until(
      'it was told of all four pieces',
      () => second.heard.filter((word) => word === 'allowed fast').length === 4,
    );
    second.ask(block(0, 0), block(3, 0));
    await until('it got what it may', () => second.blocks.length === 2);
    assert.equal(second.heard.includes('unchoke'), false);
    // As much again as there is altogether.
    for (let i = 0; i < 8; i++) second.ask(block(i % 3, 128 * KIB, 128 * KIB));
    await until('it is refused then', () => second.heard.some((word) => word.startsWith('reject')));
  });

  it('gives the place to another when it is not wanted any more', async (t) => {
    const { visit } = await seeding(t, { uploadSlots: 1 });
    const first = await visit();
    await until('one is unchoked', () => first.heard.includes('unchoke'));
    const second = await visit();
    await until('it was greeted', () => second.heard.includes('have all'));
    first.out.signal(NOT_INTERESTED);
    await until('the other may ask', () => second.heard.includes('unchoke'));
    await until('the first may not', () => first.heard.at(-1) === 'choke');
  });

  it('does not send what was taken back, and says so', async (t) => {
    // At this rate two blocks go, the second one on credit, and nothing for hours after.
    const { visit } = await seeding(t, { uploadRate: 1 });
    const peer = await visit();
    await until('it may ask', () => peer.heard.includes('unchoke'));
    peer.ask(...[0, 1, 2, 3].map((piece) => block(piece, 0)));
    await until('two came', () => peer.blocks.length === 2);
    peer.out.block(CANCEL, block(3, BLOCK_BYTES));
    for (const piece of [3, 2]) {
      peer.out.block(CANCEL, block(piece, 0));
      await until('it was taken back', () => peer.heard.includes(`reject ${piece} 0`));
    }
    assert.equal(peer.heard.filter((word) => word.startsWith('reject')).length, 2);
    assert.equal(peer.blocks.length, 2);
  });

  it('keeps a bounded number of requests', async (t) => {
    const { visit } = await seeding(t, { uploadRate: 1 });
    const peer = await visit();
    await until('it may ask', () => peer.heard.includes('unchoke'));
    peer.ask(...Array.from({ length: MAX_QUEUED_REQUESTS + 100 }, (_, i) => block(0, 0, BLOCK_BYTES - i)));
    const refused = () => peer.heard.filter((word) => word.startsWith('reject')).length;
    await until('those beyond are refused', () => refused() >= 98);
    assert.ok(refused() <= 100);
  });

  it('gives the metadata, piece by piece, and nothing beyond', async (t) => {
    const { visit } = await seeding(t);
    const peer = await visit();
    await until('it was greeted', () => peer.handshakeHeard !== undefined);
    const number = peer.handshakeHeard?.extensions.get(UT_METADATA) as number;
    peer.extend(EXTENDED_HANDSHAKE, encodeExtendedHandshake({ extensions: new Map([[UT_METADATA, 9]]) }));
    for (const piece of [0, 1]) peer.extend(number, encodeMetadataMessage({ type: 'request', piece }));
    await until('both were answered', () => peer.payloads.length === 2);
    const totalBytes = content.info.infoBytes.length;
    assert.deepEqual(
      peer.payloads.map((payload) => parseMetadataMessage(payload)),
      [
        { type: 'data', piece: 0, totalBytes, data: new Uint8Array(content.info.infoBytes) },
        { type: 'reject', piece: 1 },
      ],
    );
  });
});
