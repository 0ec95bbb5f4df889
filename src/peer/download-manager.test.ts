import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { smallDisk, temporaryFolder } from '../cluster/storage/storage-faults.ts';
import { DownloadManager, type DownloadManagerOptions } from './download-manager.ts';
import { type TestContent, testContent } from './store/test-content.ts';
import { CHECKS_UNDER_WAY, type Download, type DownloadState } from './swarm/download.ts';
import { MemoryPeerNetwork } from './transport/memory-peer-transport.ts';

const DEADLINE_MS = 60_000;
const KIB = 1024;

async function until(what: string | (() => string), condition: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) assert.fail(`waited in vain: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const reached = (download: Download, state: DownloadState) =>
  until(
    () => `${state}; it is ${download.state} ${download.reason ?? ''} with ${download.sessions.size} peers`,
    () => download.state === state,
  );

interface Peer {
  readonly manager: DownloadManager;
  readonly folder: string;
}

async function peer(
  t: TestContext,
  options: Partial<DownloadManagerOptions> & { host?: string; folder?: string } = {},
): Promise<Peer> {
  const folder = options.folder ?? temporaryFolder();
  const manager = new DownloadManager({ dataFolder: join(folder, 'data'), ...options });
  t.after(() => manager.close());
  await manager.listen(options.host ?? '127.0.0.1', 0);
  return { manager, folder };
}

function writeFiles(folder: string, content: TestContent): void {
  for (const [place, { path, kind }] of content.info.files.entries()) {
    if (kind !== 'file') continue;
    mkdirSync(join(folder, dirname(join(...path))), { recursive: true });
    writeFileSync(join(folder, ...path), content.file(place));
  }
}

function assertFiles(folder: string, content: TestContent): void {
  for (const [place, { path, kind }] of content.info.files.entries()) {
    if (kind === 'file') assert.ok(readFileSync(join(folder, ...path)).equals(content.file(place)), path.join('/'));
  }
}

async function seeder(
  t: TestContext,
  content: TestContent,
  options: Parameters<typeof peer>[1] = {},
): Promise<Peer & { download: Download }> {
  const made = await peer(t, options);
  writeFiles(made.folder, content);
  const download = await made.manager.add({ metainfo: content.metainfo, folder: made.folder });
  await reached(download, 'seeding');
  return { ...made, download };
}

const contents: [string, TestContent][] = [
  ['one file', testContent([{ path: [], length: 3_000_001 }], { pieceLength: 256 * KIB })],
  ['one byte', testContent([{ path: [], length: 1 }], { pieceLength: 32 * KIB })],
  ['an exact number of pieces', testContent([{ path: [], length: 128 * KIB }], { pieceLength: 32 * KIB })],
  ['pieces shorter than a block', testContent([{ path: [], length: 50_000 }], { pieceLength: 4 * KIB })],
  [
    'folders, empty files and pad files',
    testContent(
      [
        { path: ['a', 'b', 'c'], length: 100_000 },
        { path: ['empty'], length: 0 },
        { path: ['a', 'd'], length: 77_777 },
        { path: ['z'], length: 1 },
      ],
      { pieceLength: 32 * KIB, padFiles: true },
    ),
  ],
];

describe('The download manager', { concurrency: true }, () => {
  for (const [name, content] of contents) {
    it(`fetches ${name} from a peer over TCP`, async (t) => {
      const source = await seeder(t, content);
      const { manager, folder } = await peer(t);
      const download = await manager.add({ metainfo: content.metainfo, folder, peers: [source.manager.address!] });
      await reached(download, 'seeding');
      assert.equal(download.bytesDone, content.info.size);
      assertFiles(folder, content);
    });
  }

  it('fetches from several peers at once, and sends what it has to others meanwhile', async (t) => {
    const content = testContent([{ path: [], length: 6_000_000 }], { pieceLength: 64 * KIB });
    const network = new MemoryPeerNetwork();
    // As everywhere but on one machine, nobody can send to all as fast as they could take it.
    const limits = { uploadRate: 4_000_000 };
    const source = await seeder(t, content, { transport: network.transport('seeder'), host: 'seeder', ...limits });
    const others = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        peer(t, { transport: network.transport(`peer${i}`), host: `peer${i}`, ...limits }),
      ),
    );
    const addresses = [source, ...others].map(({ manager }) => manager.address!);
    const downloads = await Promise.all(
      others.map(({ manager, folder }) => manager.add({ metainfo: content.metainfo, folder, peers: addresses })),
    );
    for (const download of downloads) await reached(download, 'seeding');
    for (const { folder } of others) assertFiles(folder, content);
    const copies = source.download.upMeter.total / content.info.size;
    assert.ok(copies < 3, `the seeder sent ${copies} copies to five peers`);
  });

  it('hears of further peers from those that it is connected to, unless the content is private', async (t) => {
    for (const isPrivate of [false, true]) {
      const content = testContent([{ path: [], length: 2_000_000 }], { pieceLength: 64 * KIB, isPrivate });
      const network = new MemoryPeerNetwork();
      const member = (host: string, options: Parameters<typeof peer>[1] = {}) => ({
        transport: network.transport(host),
        host,
        ...options,
      });
      const source = await seeder(t, content, member('seeder', { uploadRate: 400_000 }));
      const known = [source.manager.address!];
      const [one, two] = [await peer(t, member('10.0.0.1')), await peer(t, member('10.0.0.2'))];
      const first = await one.manager.add({ metainfo: content.metainfo, folder: one.folder, peers: known });
      const second = await two.manager.add({ metainfo: content.metainfo, folder: two.folder, peers: known });
      if (isPrivate) {
        for (const download of [first, second]) await reached(download, 'seeding');
        // The seeder may be forgotten by then.
        for (const { candidates } of [first, second]) {
          for (const endpoint of candidates.endpoints) assert.deepEqual(endpoint, known[0]);
        }
      } else {
        await until('they know each other', () => [first, second].some(({ sessions }) => sessions.size === 2));
      }
    }
  });

  it('connects to those who want what it has, when it hears of them and they know nobody', async (t) => {
    const content = testContent([{ path: [], length: 500_000 }], { pieceLength: 64 * KIB });
    const { manager, folder } = await peer(t);
    const download = await manager.add({ metainfo: content.metainfo, folder });
    await reached(download, 'downloading');
    const source = await seeder(t, content);
    source.manager.addPeers(source.download, [manager.address!]);
    await reached(download, 'seeding');
    assertFiles(folder, content);
  });

  it('forgets another seed when it has found out that it is one', async (t) => {
    const content = testContent([{ path: [], length: 500_000 }], { pieceLength: 64 * KIB });
    const [one, other] = [await seeder(t, content), await seeder(t, content)];
    one.manager.addPeers(one.download, [other.manager.address!]);
    assert.equal(one.download.candidates.size, 1);
    await until('it is forgotten', () => one.download.candidates.size === 0);
    await until('they part', () => [one, other].every(({ download }) => download.sessions.size === 0));
  });

  it('goes on after a stop with what it has, and hashes nothing again after a clean one', async (t) => {
    const content = testContent([{ path: [], length: 4_000_000 }], { pieceLength: 64 * KIB });
    const source = await seeder(t, content, { uploadRate: 8_000_000 });
    const first = await peer(t);
    const part = await first.manager.add({
      metainfo: content.metainfo,
      folder: first.folder,
      peers: [source.manager.address!],
    });
    await until('a part is there', () => part.have.count >= 5);
    await first.manager.close();
    const [before, bytesBefore] = [part.have.count, part.bytesDone];
    const second = await peer(t, { folder: first.folder });
    const rest = await second.manager.add({ metainfo: content.metainfo, folder: first.folder });
    await reached(rest, 'downloading');
    assert.ok(rest.have.count >= before);
    second.manager.addPeers(rest, [source.manager.address!]);
    await reached(rest, 'seeding');
    assertFiles(first.folder, content);
    assert.ok(rest.downMeter.total <= content.info.size - bytesBefore);
  });

  it('finds damage when it re-checks, and fetches only that again', async (t) => {
    const content = testContent([{ path: [], length: 1_000_000 }], { pieceLength: 64 * KIB });
    const source = await seeder(t, content);
    const { manager, folder, download } = await seeder(t, content);
    const bytes = readFileSync(join(folder, 'content'));
    bytes[300_000] ^= 0xff;
    writeFileSync(join(folder, 'content'), bytes);
    const checked = download.recheck();
    await checked;
    assert.equal(download.state, 'downloading');
    assert.equal(download.have.count, content.info.pieceCount - 1);
    manager.addPeers(download, [source.manager.address!]);
    await reached(download, 'seeding');
    assertFiles(folder, content);
    assert.equal(download.downMeter.total, 64 * KIB);
  });

  it('pauses and resumes while it hashes what was there', async (t) => {
    const content = testContent([{ path: [], length: 3_000_000 }], { pieceLength: 16 * KIB });
    const { manager, folder } = await peer(t);
    writeFiles(folder, content);
    const download = await manager.add({ metainfo: content.metainfo, folder });
    const forget = download.on(({ type }) => {
      if (type === 'piece') download.pause();
    });
    await until('it is paused', () => download.state === 'paused');
    forget();
    // Those under way end; no further one begins.
    assert.ok(download.have.count <= CHECKS_UNDER_WAY);
    await download.resume();
    assert.equal(download.state, 'seeding');
    assert.ok(download.have.isFull);
  });

  it('pauses and resumes', async (t) => {
    const content = testContent([{ path: [], length: 2_000_000 }], { pieceLength: 64 * KIB });
    const source = await seeder(t, content, { uploadRate: 4_000_000 });
    const { manager, folder } = await peer(t);
    const download = await manager.add({ metainfo: content.metainfo, folder, peers: [source.manager.address!] });
    await until('a part is there', () => download.have.count >= 2);
    download.pause();
    assert.deepEqual([download.state, download.reason, download.sessions.size], ['paused', undefined, 0]);
    await download.resume();
    await reached(download, 'seeding');
    assertFiles(folder, content);
  });

  it('pauses with the reason when the disk is full, and goes on when there is room', async (t) => {
    const disk = smallDisk(t, '300k');
    if (!disk) return;
    const content = testContent([{ path: ['sub', 'file'], length: 1_000_000 }], { pieceLength: 64 * KIB });
    const source = await seeder(t, content);
    const { manager } = await peer(t);
    const peers = [source.manager.address!];
    const download = await manager.add({ metainfo: content.metainfo, folder: disk.folder, peers });
    await reached(download, 'paused');
    assert.match(download.reason ?? '', /ENOSPC.*free space on the disk, then resume/);
    disk.grow('4m');
    await download.resume();
    await reached(download, 'seeding');
    assertFiles(disk.folder, content);
    await manager.close();
  });

  it('does not send what somebody changed or took away, says why, and hashes it all when it is resumed', async (t) => {
    for (const change of ['changed', 'taken away'] as const) {
      const content = testContent([{ path: [], length: 1_000_000 }], { pieceLength: 64 * KIB });
      const { manager: source, folder, download: shared } = await seeder(t, content);
      const path = join(folder, 'content');
      const changed = readFileSync(path);
      changed[300_000] ^= 0xff;
      if (change === 'changed') writeFileSync(path, changed);
      else rmSync(path);
      const leecher = await peer(t);
      const options = { metainfo: content.metainfo, folder: leecher.folder, peers: [source.address!] };
      const download = await leecher.manager.add(options);
      await reached(shared, 'paused');
      assert.match(shared.reason!, change === 'changed' ? /was changed by another program/ : /is not there any more/);
      assert.equal(download.candidates.isBanned(source.address!.host), false, 'it sent what is wrong');
      await shared.resume();
      assert.equal(shared.state, 'downloading', 'what is wrong is known now');
      assert.equal(shared.have.count, change === 'changed' ? content.info.pieceCount - 1 : 0);
      shared.pause();
      writeFileSync(path, content.bytes);
      await shared.recheck();
      assert.equal(shared.state, 'seeding');
      leecher.manager.addPeers(download, [source.address!]);
      download.candidates.retryAll();
      await reached(download, 'seeding');
    }
  });

  it('goes on with a file that was taken away while it was written, when it is resumed', async (t) => {
    const content = testContent([{ path: [], length: 3_000_000 }], { pieceLength: 64 * KIB });
    const source = await seeder(t, content, { uploadRate: 2_000_000 });
    const { manager, folder } = await peer(t);
    const download = await manager.add({ metainfo: content.metainfo, folder, peers: [source.manager.address!] });
    await until('a part is there', () => download.have.count >= 2);
    rmSync(join(folder, 'content'));
    await reached(download, 'paused');
    assert.match(download.reason!, /content was deleted or cut while it was written/);
    await download.resume();
    await reached(download, 'seeding');
    assertFiles(folder, content);
  });

  it('refuses a folder in which something is in the way, and says what', async (t) => {
    const content = testContent([{ path: ['sub', 'file'], length: 1000 }], { pieceLength: 64 * KIB });
    const { manager, folder } = await peer(t);
    mkdirSync(join(folder, 'content'));
    writeFileSync(join(folder, 'content', 'sub'), 'in the way');
    await assert.rejects(
      manager.add({ metainfo: content.metainfo, folder }),
      /sub is in the way of a folder; move it away/,
    );
  });

  it('keeps to its rates', async (t) => {
    const content = testContent([{ path: [], length: 1_500_000 }], { pieceLength: 64 * KIB });
    const source = await seeder(t, content);
    const { manager, folder } = await peer(t, { downloadRate: 1_000_000 });
    const started = performance.now();
    const download = await manager.add({ metainfo: content.metainfo, folder, peers: [source.manager.address!] });
    await reached(download, 'seeding');
    const seconds = (performance.now() - started) / 1000;
    // One burst of a fifth of a second, and one read, may go ahead of the rate.
    assert.ok(seconds > 0.9, `1.5 MB at 1 MB/s took ${seconds} s`);
  });

  it('takes other rates while it runs, though somebody waits for the old ones', async (t) => {
    const content = testContent([{ path: [], length: 1_500_000 }], { pieceLength: 64 * KIB });
    const source = await seeder(t, content, { uploadRate: 1 });
    const { manager, folder } = await peer(t);
    const download = await manager.add({ metainfo: content.metainfo, folder, peers: [source.manager.address!] });
    await until('the rate is used up for hours', () => source.download.upMeter.total > 0);
    const sent = source.download.upMeter.total;
    manager.setRates({ download: 0 });
    source.manager.setRates({ upload: Number.POSITIVE_INFINITY });
    await until('more is sent', () => source.download.upMeter.total > sent);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.notEqual(download.state, 'seeding', 'nothing may be fetched');
    manager.setRates({ download: Number.POSITIVE_INFINITY, upload: 5_000 });
    await reached(download, 'seeding');
    assertFiles(folder, content);
    assert.deepEqual(manager.rates, { upload: 5_000, download: Number.POSITIVE_INFINITY });
  });

  it('serves several contents to one peer', async (t) => {
    const [one, two] = [1, 2].map((seed) =>
      testContent([{ path: [], length: 300_000 }], { pieceLength: 32 * KIB, seed }),
    );
    const first = await seeder(t, one);
    const folder = temporaryFolder();
    writeFiles(folder, two);
    await reached(await first.manager.add({ metainfo: two.metainfo, folder }), 'seeding');
    const leecher = await peer(t);
    for (const [i, content] of [one, two].entries()) {
      const into = join(leecher.folder, String(i));
      const download = await leecher.manager.add({
        metainfo: content.metainfo,
        folder: into,
        peers: [first.manager.address!],
      });
      await reached(download, 'seeding');
      assertFiles(into, content);
    }
    await leecher.manager.remove(one.sha1);
    assert.equal(leecher.manager.download(one.sha1), undefined);
    assertFiles(join(leecher.folder, '0'), one);
  });
});
