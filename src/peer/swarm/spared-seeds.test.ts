import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { BLOCK_BYTES, HAVE_ALL, HAVE_NONE } from '../../bittorrent/peer-wire.ts';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { DownloadManager } from '../download-manager.ts';
import { testContent } from '../store/test-content.ts';
import { MemoryPeerNetwork } from '../transport/memory-peer-transport.ts';
import { LEAST_BLOCKS, SPARED_BLOCKS } from './spared-seeds.ts';
import { TestPeer } from './test-peer.ts';

const DEADLINE_MS = 60_000;
const content = testContent([{ path: [], length: 8 * 1024 * 1024 }], { pieceLength: 64 * 1024 });

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) assert.fail(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A download that knows so many others that fetch, and then a seed at `host`, which sends nothing. */
async function asked(t: TestContext, host: string, fetchers: number) {
  const network = new MemoryPeerNetwork();
  const folder = temporaryFolder();
  const manager = new DownloadManager({ dataFolder: join(folder, 'data'), transport: network.transport('us') });
  t.after(() => manager.close());
  const download = await manager.add({ metainfo: content.metainfo, folder });
  await until('it is downloading', () => download.state === 'downloading');
  const fetching: TestPeer[] = [];
  const add = async (port: number, first: number, onRequest?: () => void) => {
    const peerId = Uint8Array.from({ length: 20 }, () => port);
    const features = { extended: false, fast: true, dht: false };
    const listener = await network.transport(host).listen(host, port, (link) => {
      const peer = new TestPeer(link, { infoHash: content.info.infoHash, peerId, features }, onRequest);
      peer.first = first;
      if (first === HAVE_NONE) fetching.push(peer);
    });
    t.after(() => listener.close());
    manager.addPeers(download, [{ host, port }]);
  };
  for (let i = 1; i <= fetchers; i++) await add(i, HAVE_NONE);
  await until(
    'it knows them',
    () => [...download.sessions.values()].filter(({ isTalking }) => isTalking).length === fetchers,
  );
  let requests = 0;
  await add(100, HAVE_ALL, () => requests++);
  await until('the seed is asked', () => requests > 0);
  const seed = [...download.sessions.values()].find(({ pieces }) => pieces.bits.isFull)!;
  return { download, seed, fetching };
}

describe('A seed that sends nothing yet', { concurrency: true }, () => {
  it('is asked for little at a time by each who fetches nearby, together for as much as keeps it busy', async (t) => {
    for (const others of [1, 3]) {
      const { seed } = await asked(t, '192.168.7.7', others);
      assert.equal(seed.pipeline.bytes * (others + 1), SPARED_BLOCKS * BLOCK_BYTES);
    }
    // Equal parts of a piece, of which nothing small is left over.
    const three = await asked(t, '192.168.7.7', 2);
    assert.equal(three.seed.pipeline.bytes, 16 * BLOCK_BYTES);
    const many = await asked(t, '192.168.7.7', 9);
    assert.equal(many.seed.pipeline.bytes, LEAST_BLOCKS * BLOCK_BYTES);
  });

  it('is asked for more when others are gone', async (t) => {
    const { download, seed, fetching } = await asked(t, '192.168.7.7', 4);
    const before = seed.pipeline.bytes;
    fetching[0].link.close();
    await until('one is gone', () => download.sessions.size === 4);
    download.tick();
    assert.ok(seed.pipeline.bytes > before);
  });

  it('is asked for much by one alone, or when it is far away', async (t) => {
    const alone = await asked(t, '192.168.7.7', 0);
    assert.ok(alone.seed.pipeline.bytes > SPARED_BLOCKS * BLOCK_BYTES);
    const far = await asked(t, '203.0.113.7', 9);
    assert.ok(far.seed.pipeline.bytes > LEAST_BLOCKS * BLOCK_BYTES);
  });
});
