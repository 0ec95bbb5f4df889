import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  EXTENDED_HANDSHAKE,
  encodeExtendedHandshake,
  parseExtendedHandshake,
  UT_METADATA,
} from '../../bittorrent/extension-protocol.ts';
import {
  encodeMetadataMessage,
  METADATA_PIECE_BYTES,
  parseMetadataMessage,
} from '../../bittorrent/metadata-exchange.ts';
import { encodeExtended } from '../../bittorrent/peer-wire.ts';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { DownloadManager } from '../download-manager.ts';
import { type TestContent, testContent } from '../store/test-content.ts';
import { MemoryPeerNetwork } from '../transport/memory-peer-transport.ts';
import { Candidates } from './candidates.ts';
import { Handshakes } from './handshakes.ts';
import { fetchMetadata } from './metadata-fetch.ts';
import { TestPeer } from './test-peer.ts';

/** Metadata of three pieces. */
const content = testContent([{ path: [], length: 2_000_000 }], { pieceLength: 1024 });
const PEER_ID = new TextEncoder().encode('-XX0000-abcdefghijkl');

/** A peer that has the metadata, or lies about it. */
class MetadataPeer extends TestPeer {
  metadata: Uint8Array = content.info.infoBytes;
  claimedBytes: number | undefined;
  /** Answers this piece with these bytes. */
  override extended = (extension: number, payload: Uint8Array) => {
    if (extension === EXTENDED_HANDSHAKE) {
      this.#number = parseExtendedHandshake(payload).extensions.get(UT_METADATA) ?? 0;
      const metadataBytes = this.claimedBytes ?? this.metadata.length;
      const handshake = { extensions: new Map([[UT_METADATA, 7]]), metadataBytes };
      this.out.parts([encodeExtended(EXTENDED_HANDSHAKE, encodeExtendedHandshake(handshake))]);
      return;
    }
    assert.equal(extension, 7);
    const message = parseMetadataMessage(payload);
    if (message?.type === 'request') this.answer(message.piece);
  };
  #number = 0;

  answer(piece: number): void {
    const at = piece * METADATA_PIECE_BYTES;
    const data = this.metadata.subarray(at, at + METADATA_PIECE_BYTES);
    this.say(encodeMetadataMessage({ type: 'data', piece, totalBytes: this.metadata.length, data }));
  }

  say(payload: Uint8Array): void {
    this.out.parts([encodeExtended(this.#number, payload)]);
  }
}

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
        shape(
          new MetadataPeer(link, {
            infoHash: content.info.infoHash,
            peerId: PEER_ID,
            features: { extended: true, fast: false, dht: false },
          }),
        );
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
        dataFolder: join(temporaryFolder(t), 'data'),
        transport: network.transport(host),
      });
      t.after(() => manager.close());
      return manager;
    });
    await managers[0].listen('one', 1);
    // It does not have the content, but knows what it is.
    await (await managers[0].add({ metainfo: small.metainfo, folder: temporaryFolder(t) })).settled();
    const magnet = { infoHash: small.info.infoHash, trackers: ['udp://a:1'], peers: [{ host: 'one', port: 1 }] };
    const metainfo = await managers[1].fetchMetainfo(magnet, new Candidates());
    const download = await managers[1].add({ metainfo, folder: temporaryFolder(t) });
    assert.equal(download.sha1, small.sha1);
  });
});
