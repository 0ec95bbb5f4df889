import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { formatMagnet } from '../bittorrent/magnet.ts';
import { makeFolder } from '../cluster/storage/make-folder.ts';
import type { Peer } from '../peer/peer.ts';
import { allOrReport } from './all-or-report.ts';
import { CommandError } from './command-error.ts';
import { nothingIsShared } from './nothing-is-shared.ts';
import { printJson, shownPath } from './output.ts';
import { addPeerOptions, type PeerCommandOptions, peerFolder, trackerUrls } from './peer-options.ts';
import { stopSignal } from './stop-signal.ts';
import { formatBytes } from './table.ts';
import type { TransferView } from './transfer-view.ts';
import { withPeer } from './with-peer.ts';

interface ShareOptions extends PeerCommandOptions {
  readonly torrents?: string;
  readonly announce?: readonly string[];
  readonly private?: true;
}

export function shareCommand(): Command {
  return addPeerOptions(new Command('share'))
    .description('share files and folders, each as one content, until Ctrl-C')
    .argument('<path...>', 'files or folders')
    .option(
      '--torrents <folder>',
      'where the torrent files are written (default: the folder torrents in that of --data)',
    )
    .option('--announce <url>', 'tracker to name in the torrent, for other clients; may be repeated', trackerUrls)
    .option('--private', 'only the trackers named by --announce may know its peers (BEP 27)')
    .addHelpText(
      'after',
      '\nOthers get them by their name, sha1, magnet link or torrent file.\n\nExample:\n  swarmkeeper share big.iso ./photos',
    )
    .action(async (paths: string[], options: ShareOptions, command: Command) => {
      if (options.private && !options.announce) {
        command.error('error: with --private nobody would find it: name a tracker with --announce URL');
      }
      const signalled = stopSignal();
      // Torrents are made anew each time: what is remembered of them goes with the process.
      const remembered = await mkdtemp(join(tmpdir(), 'swarmkeeper-share-'));
      try {
        await withPeer(options, remembered, (peer, view) =>
          shareAll(peer, [...new Set(paths.map((path) => resolve(path)))], options, view, signalled),
        );
      } finally {
        await rm(remembered, { recursive: true, force: true });
      }
    });
}

/** Until the signal. */
async function shareAll(
  peer: Peer,
  paths: readonly string[],
  options: ShareOptions,
  view: TransferView,
  signalled: Promise<undefined>,
): Promise<void> {
  const hashing = new AbortController();
  let isStopped = false;
  void signalled.then(() => {
    isStopped = true;
    hashing.abort();
  });
  if (!options.private) void warnOfNobody(peer, view);
  const jobs = paths.map((path) => () => shareOne(peer, path, options, view, hashing.signal));
  let failure: Error | undefined;
  await allOrReport(jobs, (error) => {
    if (isStopped) return;
    view.warn(error.message);
    if (options.json) printJson({ event: 'error', code: error.code ?? 'INTERNAL', message: error.message });
  }).catch((error: Error) => {
    failure = error;
  });
  if (isStopped) return;
  // What could be shared is shared, and the exit code tells of the rest.
  if (peer.contents.length > 0) await Promise.race([signalled, nothingIsShared(peer)]);
  if (failure) throw failure;
}

async function shareOne(
  peer: Peer,
  path: string,
  options: ShareOptions,
  view: TransferView,
  signal: AbortSignal,
): Promise<void> {
  const { announce = [], torrents } = options;
  const row = view.hashing(basename(path));
  const { content, metainfo } = await peer
    .share(path, {
      trackers: announce.length > 0 ? [announce] : [],
      isPrivate: options.private ?? false,
      createdBy: 'Swarmkeeper',
      onProgress: row.progress,
      signal,
    })
    .finally(row.end);
  const { infoHash, sha1, name = '', size = 0 } = content;
  const torrent = join(
    torrents === undefined ? join(peerFolder(options), 'torrents') : resolve(torrents),
    `${sha1}.torrent`,
  );
  const magnet = formatMagnet({ infoHash, name, size, trackers: announce, peers: [] });
  try {
    await writeWhole(torrent, metainfo);
    await content.download?.settled();
    if (content.reason !== undefined) {
      throw new CommandError('CANNOT_SHARE', `${path} cannot be shared: ${content.reason}`);
    }
  } catch (error) {
    await peer.remove(sha1);
    throw error;
  }
  view.say(
    [`${shownPath(path)}  ${formatBytes(size)}`, `  sha1     ${sha1}`, `  magnet   ${magnet}`, `  torrent  ${torrent}`],
    {
      event: 'seeding',
      sha1,
      name,
      size,
      path,
      magnet,
      torrent,
      port: peer.port,
    },
  );
  view.show(content);
  view.watch(content);
}

/** A cluster that comes later is found then; until it does nobody learns of what is shared. */
async function warnOfNobody(peer: Peer, view: TransferView): Promise<void> {
  try {
    await peer.requester.locate();
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code === 'NO_TRACKER') view.warn(`${message}; until one answers, nobody learns of what is shared`);
  }
}

/** A reader finds the old file or the new one. @throws CommandError UNWRITABLE */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  try {
    makeFolder(dirname(path));
    await writeFile(part, bytes);
    await rename(part, path);
  } catch (cause) {
    // Where nothing could be written there is nothing to take away.
    await rm(part, { force: true }).catch(() => {});
    throw new CommandError(
      'UNWRITABLE',
      `the torrent file ${path} cannot be written: ${(cause as Error).message}; name another folder with --torrents`,
      { cause },
    );
  }
}
