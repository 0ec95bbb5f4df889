import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { PeerEndpoint } from '../bittorrent/magnet.ts';
import type { Peer } from '../peer/peer.ts';
import type { PeerContent } from '../peer/peer-content.ts';
import { allOrReport } from './all-or-report.ts';
import { CommandError } from './command-error.ts';
import { nothingIsShared } from './nothing-is-shared.ts';
import { printable, printJson, shownPath } from './output.ts';
import { addPeerOptions, folderOfDownloads, type PeerCommandOptions, peerAddresses } from './peer-options.ts';
import { stopSignal } from './stop-signal.ts';
import { formatBytes } from './table.ts';
import { averageRate } from './transfer-lines.ts';
import type { TransferView } from './transfer-view.ts';
import { withPeer } from './with-peer.ts';

interface GetOptions extends PeerCommandOptions {
  readonly output: string;
  readonly peer?: readonly PeerEndpoint[];
  readonly sequential?: true;
  readonly seed: boolean;
}

const MS = 1_000;

export function getCommand(): Command {
  return addPeerOptions(new Command('get'))
    .description('get contents, and share them until Ctrl-C; begun downloads are gone on with')
    .argument('<content...>', 'sha1, magnet link, torrent file, or a name from `swarmkeeper contents` or how it begins')
    .option('-o, --output <folder>', 'where they go', '.')
    .option('--peer <host:port>', 'a peer that has it; may be repeated', peerAddresses)
    .option('--sequential', 'fetch it from its beginning to its end')
    .option('--no-seed', 'end when all is there, instead of sharing it')
    .addHelpText('after', '\nExample:\n  swarmkeeper get big.iso -o ./downloads --no-seed')
    .action(async (wanted: string[], options: GetOptions) => {
      const signalled = stopSignal();
      await withPeer(
        options,
        folderOfDownloads(options, options.output),
        (peer, view) => getAll(peer, [...new Set(wanted)], options, view, signalled),
        { isGetting: true },
      );
    });
}

async function getAll(
  peer: Peer,
  wanted: readonly string[],
  options: GetOptions,
  view: TransferView,
  signalled: Promise<undefined>,
): Promise<void> {
  const jobs = wanted.map((text) => () => getOne(peer, text, options, view, signalled));
  let failure: Error | undefined;
  await allOrReport(jobs, (error) => {
    view.warn(error.message);
    if (options.json) printJson({ event: 'error', code: error.code ?? 'INTERNAL', message: error.message });
  }).catch((error: Error) => {
    failure = error;
  });
  const isSeeding = peer.contents.some(({ state }) => state === 'seeding');
  if (options.seed && isSeeding) await Promise.race([signalled, nothingIsShared(peer)]);
  if (failure) throw failure;
}

async function getOne(
  peer: Peer,
  text: string,
  options: GetOptions,
  view: TransferView,
  signalled: Promise<undefined>,
): Promise<void> {
  const startedMs = performance.now();
  const stop = signalled.then(() => {
    throw new CommandError('INTERRUPTED', `${printable(text)} is not complete; the same command goes on with it`);
  });
  // Whoever is not waiting for it any more does not want to hear of it.
  stop.catch(() => {});
  const found = await Promise.race([peer.find(text), stop]);
  const { peer: peers = [], output, sequential = false } = options;
  if (found.trackers.length === 0 && found.peers.length === 0 && peers.length === 0) {
    await Promise.race([peer.requester.locate(), stop]);
  }
  const content = await peer.get(found, { folder: output, peers, sequential });
  view.show(content);
  await Promise.race([completed(content), stop]);
  if (options.seed) view.watch(content);
  const { sha1, name = sha1, size: bytes = 0, folder } = content;
  const ms = performance.now() - startedMs;
  const path = join(resolve(folder), name);
  const fetched = content.download?.downMeter.total ?? 0;
  const seconds = Math.round(ms) / MS;
  const how = fetched === 0 ? 'it was all there' : `${seconds} s, ${formatBytes(averageRate(fetched, ms))}/s`;
  view.say([`${shownPath(path)}  ${formatBytes(bytes)}  done: ${how}`], {
    event: 'done',
    sha1,
    bytes,
    seconds,
    fetched,
    name,
    path,
  });
}

/** @throws CommandError PAUSED: something is wrong with the files */
function completed(content: PeerContent): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const { state, reason, name, sha1 } = content;
      if (state === 'seeding') resolve();
      if (state !== 'paused' || reason === undefined) return;
      reject(
        new CommandError(
          'PAUSED',
          `${printable(name ?? sha1)} is not complete: ${reason}; the same command goes on with it`,
        ),
      );
    };
    content.on(look);
    look();
  });
}
