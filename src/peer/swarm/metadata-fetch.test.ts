import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { encodeMetadataMessage, METADATA_PIECE_BYTES } from '../../bittorrent/metadata-exchange.ts';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { DownloadManager } from '../download-manager.ts';
import { type TestContent, testContent } from '../store/test-content.ts';
import { MemoryPeerNetwork } from '../transport/memory-peer-transport.ts';
import { Candidates } from './candidates.ts';
import { Handshakes } from './handshakes.ts';
import { fetchMetadata } from './metadata-fetch.ts';
import { MetadataPeer } from './test-metadata-peer.ts';

/** Metadata of three pieces. */
const content = testContent([{ path: [], length: 2_000_000 }], { pieceLength: 1024 });
const PEER_ID = new TextEncoder().encode('-XX0000-abcdefghijkl');

async function scene(t: TestContext) {
  const network = new MemoryPeerNetwork();
  const candidates = new Candidates();
  const stop = new AbortController();
  t.after(() => stop.abort());
  return {
    candidates,
    stop,
    async enter(host: string, shape: (peer: MetadataPeer) => void = () => {}) {
      const listener = await network.transport(host).listen(host, 1, (link) => {
        shape(new MetadataPeer(link, content.info));
      });
      t.after(() => listener.close());
      candidates.add({ host, port: 1 });
    },
    fetch: () =>
      fetchMetadata({
        infoHash: content.info.infoHash,
        peerId: PEER_ID,
        transport: network.transport('us'),
        candidates,
        handshakes: new Handshakes(),
        now: () => performance.now(),
        signal: stop.signal,
      }),
  };
}

describe('Metadata', () => {
  it('is fetched from a peer, piece by piece', async (t) => {
    const { enter, fetch } = await scene(t);
    assert.ok(content.info.infoBytes.length > 2 * METADATA_PIECE_BYTES);
    await enter('honest');
    assert.deepEqual(await fetch(), content.info.infoBytes);
  });

  it('is fetched from the honest one among peers that lie, refuse, claim 2 GiB, say nothing or are not there', async (t) => {
    const { enter, fetch, candidates } = await scene(t);
    await enter('liar', (peer) => {
      peer.metadata = content.info.infoBytes.map((byte) => byte ^ 1);
    });
    await enter('refuser', (peer) => {
      peer.answer = (piece) => peer.say(encodeMetadataMessage({ type: 'reject', piece }));
    });
    await enter('giant', (peer) => {
      peer.claimedBytes = 2 ** 31;
    });
    await enter('silent', (peer) => {
      peer.answer = () => {};
    });
    await enter('babbler', (peer) => {
      peer.answer = () => peer.say(new TextEncoder().encode('2147483648:'));
    });
    await enter('changeable', (peer) => {
      peer.claimedBytes = 20_000;
    });
    candidates.add({ host: 'nobody', port: 1 });
    await enter('honest');
    assert.deepEqual(await fetch(), content.info.infoBytes);
    assert.equal(candidates.isBanned('honest'), false);
  });

  it('that is not what the info-hash says is taken from nobody', async (t) => {
    const { enter, fetch, candidates, stop } = await scene(t);
    await enter('liar', (peer) => {
      peer.metadata = content.info.infoBytes.subarray(0, 20_000);
    });
    const fetching = fetch();
    while (!candidates.isBanned('liar')) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort(new Error('enough'));
    await assert.rejects(fetching, /enough/);
  });

  it('waits for peers of whom it is told later', async (t) => {
    const { enter, fetch } = await scene(t);
    const fetching = fetch();
    await enter('late');
    assert.deepEqual(await fetching, content.info.infoBytes);
  });

  it('comes from a peer of ours, and makes a download of a magnet link', async (t) => {
    const small: TestContent = testContent([{ path: [], length: 100_000 }], { pieceLength: 32_768, seed: 9 });
    const network = new MemoryPeerNetwork();
    const managers = ['one', 'two'].map((host) => {
      const manager = new DownloadManager({
        dataFolder: join(temporaryFolder(), 'data'),
        transport: network.transport(host),
      });
      t.after(() => manager.close());
      return manager;
    });
    await managers[0].listen('one', 1);
    // It does not have the content, but knows what it is.
    await (await managers[0].add({ metainfo: small.metainfo, folder: temporaryFolder() })).settled();
    const magnet = { infoHash: small.info.infoHash, trackers: ['udp://a:1'], peers: [{ host: 'one', port: 1 }] };
    const metainfo = await managers[1].fetchMetainfo(magnet, new Candidates());
    const download = await managers[1].add({ metainfo, folder: temporaryFolder() });
    assert.equal(download.sha1, small.sha1);
  });
});
