import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { DownloadManager } from '../download-manager.ts';
import { testContent } from '../store/test-content.ts';
import { MemoryPeerNetwork } from '../transport/memory-peer-transport.ts';
import type { PeerLink, PeerTransport } from '../transport/peer-transport.ts';
import { Candidates } from './candidates.ts';

const CONTENTS = 6;

/** As Transmission does, it hangs up on who connects while it waits for the handshake of an earlier connection. */
class OneAtATime implements PeerTransport {
  readonly #inner: PeerTransport;
  #isWaiting = false;
  taken = 0;
  refused = 0;

  constructor(inner: PeerTransport) {
    this.#inner = inner;
  }

  connect(...args: Parameters<PeerTransport['connect']>) {
    return this.#inner.connect(...args);
  }

  listen(host: string, port: number, onLink: (link: PeerLink) => void) {
    return this.#inner.listen(host, port, (link) => {
      if (this.#isWaiting) {
        this.refused++;
        link.close();
        return;
      }
      this.#isWaiting = true;
      this.taken++;
      onLink({
        remote: link.remote,
        incoming: true,
        get unsentBytes() {
          return link.unsentBytes;
        },
        start: (events) =>
          link.start({
            chunk: (bytes) => {
              this.#isWaiting = false;
              events.chunk(bytes);
            },
            drained: () => events.drained(),
            closed: (error) => events.closed(error),
          }),
        write: (...args) => link.write(...args),
        pause: () => link.pause(),
        resume: () => link.resume(),
        close: () => link.close(),
      });
    });
  }
}

async function manager(t: TestContext, transport: PeerTransport, host: string) {
  const folder = temporaryFolder();
  const made = new DownloadManager({ dataFolder: join(folder, 'data'), transport });
  t.after(() => made.close());
  await made.listen(host, 0);
  return { made, folder };
}

it('A peer that greets one connection at a time is asked for several contents, and for metadata, one after the other', async (t) => {
  const network = new MemoryPeerNetwork();
  const transport = new OneAtATime(network.transport('seeder'));
  const seeder = await manager(t, transport, 'seeder');
  const leecher = await manager(t, network.transport('leecher'), 'leecher');
  const contents = Array.from({ length: CONTENTS }, (_, i) =>
    testContent([{ path: [], length: 100_000 + i }], { pieceLength: 32_768, seed: i }),
  );
  for (const [i, content] of contents.entries()) {
    const folder = join(seeder.folder, String(i));
    mkdirSync(folder);
    writeFileSync(join(folder, content.info.name), content.file(0));
    await (await seeder.made.add({ metainfo: content.metainfo, folder })).settled();
  }
  const known = [seeder.made.address!];
  await Promise.all(
    contents.map(async ({ info, metainfo }, i) => {
      const magnet = { infoHash: info.infoHash, trackers: [], peers: known };
      const found = i % 2 === 0 ? metainfo : await leecher.made.fetchMetainfo(magnet, new Candidates());
      const folder = join(leecher.folder, String(i));
      const download = await leecher.made.add({ metainfo: found, folder, peers: known });
      await new Promise<void>((resolve) => {
        download.on(({ type }) => {
          if (type === 'done') resolve();
        });
      });
    }),
  );
  assert.deepEqual([transport.taken, transport.refused], [1.5 * CONTENTS, 0]);
});
