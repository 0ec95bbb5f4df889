import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { testNetwork } from '../../test/harness/test-network.ts';
import { waitFor } from '../../test/harness/wait-for.ts';
import { encode } from '../bittorrent/bencode.ts';
import { temporaryFolder } from '../cluster/storage/storage-faults.ts';
import { Peer } from './peer.ts';
import { sha1 } from './store/local-metainfo.ts';
import { MetadataPeer } from './swarm/test-metadata-peer.ts';
import { TcpPeerTransport } from './transport/tcp-peer-transport.ts';

/** A peer on a network on which nobody else is. */
async function lonePeer(t: TestContext): Promise<{ peer: Peer; folder: string }> {
  const folder = temporaryFolder();
  const cluster = { group: testNetwork().group, interfaces: ['127.0.0.1'] };
  const peer = await Peer.open({ dataFolder: join(folder, 'data'), cluster, host: '127.0.0.1' });
  t.after(() => peer.close());
  return { peer, folder };
}

describe('A peer', () => {
  it('refuses what a magnet link leads to when it would be written elsewhere or cannot be, and says why', async (t) => {
    const { peer, folder } = await lonePeer(t);
    const fields = { 'piece length': 32_768, pieces: new Uint8Array(20) };
    const cases: [info: Uint8Array, reason: RegExp][] = [
      [encode({ ...fields, name: 'x', files: [{ length: 1, path: ['..', '..', 'evil'] }] }), /leads elsewhere/],
      [encode({ ...fields, name: '/etc/evil', length: 1 }), /has a separator/],
      [encode({ ...fields, name: 'x', files: [{ length: 1, path: ['x'.repeat(300)] }] }), /300 bytes/],
      [encode({ ...fields, name: 'x', length: 2 ** 50 }), /pieces/],
      [encode({ 'not a torrent': 1 }), /no valid field/],
    ];
    for (const [infoBytes, reason] of cases) {
      const infoHash = sha1(infoBytes);
      const listener = await new TcpPeerTransport().listen(
        '127.0.0.1',
        0,
        (link) => new MetadataPeer(link, { infoHash, infoBytes }),
      );
      t.after(() => listener.close());
      const wanted = { infoHash, trackers: [], peers: [{ host: '127.0.0.1', port: listener.port }] };
      const content = await peer.get(wanted, { folder: join(folder, 'out') });
      await waitFor('it to be refused', () => content.state === 'paused');
      assert.match(content.reason ?? '', reason);
    }
    assert.deepEqual(readdirSync(folder), ['data']);
  });

  it('has rates that can be changed while it runs', async (t) => {
    const { peer } = await lonePeer(t);
    const unlimited = Number.POSITIVE_INFINITY;
    assert.deepEqual(peer.rates, { upload: unlimited, download: unlimited });
    peer.setRates({ upload: 1_000 });
    assert.deepEqual(peer.rates, { upload: 1_000, download: unlimited });
    peer.setRates({ upload: unlimited, download: 5 });
    assert.deepEqual(peer.rates, { upload: unlimited, download: 5 });
  });
});
