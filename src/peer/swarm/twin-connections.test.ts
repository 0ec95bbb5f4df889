import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { encodeHandshake, HANDSHAKE_BYTES, HAVE_NONE } from '../../bittorrent/peer-wire.ts';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { DownloadManager } from '../download-manager.ts';
import { testContent } from '../store/test-content.ts';
import { MemoryPeerNetwork } from '../transport/memory-peer-transport.ts';
import type { PeerLink } from '../transport/peer-transport.ts';
import { MessageWriter } from './message-writer.ts';

const DEADLINE_MS = 60_000;
const content = testContent([{ path: [], length: 100_000 }], { pieceLength: 64 * 1024 });
/** Ours begin with -SK. */
const SMALLER_ID = new TextEncoder().encode('-AA0000-000000000000');
const LARGER_ID = new TextEncoder().encode('-XX0000-000000000000');

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) assert.fail(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** An end that says who it is, and counts what it hears. */
class End {
  readonly #link: PeerLink;
  readonly out: MessageWriter;
  heardBytes = 0;
  isClosed = false;

  constructor(link: PeerLink, peerId: Uint8Array) {
    this.#link = link;
    this.out = new MessageWriter(link);
    const features = { extended: false, fast: true, dht: false };
    this.out.parts([encodeHandshake({ infoHash: content.info.infoHash, peerId, features })]);
    link.start({
      chunk: (bytes) => {
        this.heardBytes += bytes.length;
      },
      drained: () => {},
      closed: () => {
        this.isClosed = true;
      },
    });
  }

  close(): void {
    this.#link.close();
  }
}

/** A download that has connected to a peer and knows who it is, and what that peer does next. */
async function connected(t: TestContext, peerId: Uint8Array) {
  const network = new MemoryPeerNetwork();
  const folder = temporaryFolder();
  const manager = new DownloadManager({ dataFolder: join(folder, 'data'), transport: network.transport('us') });
  t.after(() => manager.close());
  await manager.listen('us', 6881);
  const download = await manager.add({ metainfo: content.metainfo, folder });
  await until('it is downloading', () => download.state === 'downloading');
  const ends: End[] = [];
  const listener = await network.transport('them').listen('them', 1, (link) => ends.push(new End(link, peerId)));
  t.after(() => listener.close());
  manager.addPeers(download, [{ host: 'them', port: 1 }]);
  const session = () => [...download.sessions.values()][0];
  await until('it is connected', () => session()?.isEstablished === true);
  return {
    download,
    first: ends[0],
    /** The peer says something more. */
    async talk() {
      ends[0].out.signal(HAVE_NONE);
      await until('it heard that', () => session().isTalking);
    },
    /** The peer connects to us once more. */
    async connectBack() {
      return new End(await network.transport('them').connect({ host: 'us', port: 6881 }), peerId);
    },
  };
}

describe('A second connection with a peer, that the peer opened', { concurrency: true }, () => {
  for (const [which, peerId] of [
    ['smaller', SMALLER_ID],
    ['larger', LARGER_ID],
  ] as const) {
    it(`is refused without a word while the peer talks on the first, if its ID is ${which} than ours`, async (t) => {
      const { download, first, talk, connectBack } = await connected(t, peerId);
      await talk();
      const second = await connectBack();
      await until('the second is closed', () => second.isClosed);
      assert.equal(second.heardBytes, 0, 'the peer learned whom it reached');
      assert.deepEqual([first.isClosed, download.sessions.size], [false, 1]);
    });
  }

  it('stays beside the first if both began at once and the ID of the peer is larger, until the peer chose', async (t) => {
    for (const chosen of ['first', 'second'] as const) {
      const { download, first, connectBack } = await connected(t, LARGER_ID);
      const second = await connectBack();
      await until('it is greeted on the second', () => second.heardBytes > HANDSHAKE_BYTES);
      assert.deepEqual([first.isClosed, second.isClosed, download.sessions.size], [false, false, 2]);
      const [kept, other] = chosen === 'first' ? [first, second] : [second, first];
      other.close();
      await until('one is left', () => download.sessions.size === 1);
      assert.equal(kept.isClosed, false);
    }
  });

  it('takes the place of the first if the peer, whose ID is larger, talks on both', async (t) => {
    const { download, first, talk, connectBack } = await connected(t, LARGER_ID);
    const second = await connectBack();
    await until('it is greeted on the second', () => second.heardBytes > HANDSHAKE_BYTES);
    await talk();
    second.out.signal(HAVE_NONE);
    await until('the first is closed', () => first.isClosed);
    assert.deepEqual([second.isClosed, download.sessions.size], [false, 1]);
  });

  it('is refused if both began at once and the ID of the peer is smaller', async (t) => {
    const { download, first, connectBack } = await connected(t, SMALLER_ID);
    const second = await connectBack();
    await until('the second is closed', () => second.isClosed);
    assert.deepEqual([first.isClosed, download.sessions.size], [false, 1]);
  });
});
