import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { Peer } from '../peer/peer.ts';
import { Storage } from '../peer/store/storage.ts';
import { port, positiveCount, type TrackerAddress, trackerAddress } from './option-values.ts';
import { addTrackerOptions, type TrackerOptions } from './tracker-options.ts';

/** The options of every command that runs a peer, as they were given. */
export interface PeerCommandOptions extends TrackerOptions {
  readonly host?: string;
  readonly port: number;
  readonly data?: string;
  /** KiB a second. */
  readonly uploadRate?: number;
  readonly downloadRate?: number;
  readonly json?: true;
}

/** Of the pages and API of `peer`. */
export const DEFAULT_API_PORT = 7070;
const BYTES_OF_RATE = 1_024;

export function addPeerOptions(command: Command): Command {
  return addTrackerOptions(command)
    .option(
      '--host <address>',
      'address at which other peers reach this one (default: all of this machine)',
      hostAddress,
    )
    .option('--port <n>', 'TCP port for other peers; 0 takes a free one', port, 0)
    .option('--data <folder>', 'what the peer remembers (default: ~/.local/share/swarmkeeper-peer)')
    .option('--upload-rate <n>', 'send no more than so many KiB a second (default: no limit)', positiveCount)
    .option('--download-rate <n>', 'fetch no more than so many KiB a second (default: no limit)', positiveCount)
    .option('--json', 'print one JSON object a line instead of text');
}

export interface OpenPeerOptions {
  /** As of `Peer.open`. */
  readonly remembers?: boolean;
  /** Pieces will arrive soon. */
  readonly isGetting?: boolean;
}

/** @throws as `Peer.open` */
export async function openPeer(
  options: PeerCommandOptions,
  dataFolder: string,
  { remembers = false, isGetting = false }: OpenPeerOptions = {},
): Promise<Peer> {
  // Its threads start while the rest of the peer is loaded.
  const storage = new Storage(dataFolder);
  if (isGetting) storage.expectPieces();
  const { Peer } = await import('../peer/peer.ts').catch(async (error) => {
    await storage.close();
    throw error;
  });
  const { tracker, group, interface: interfaces, host, uploadRate, downloadRate } = options;
  return Peer.open({
    dataFolder,
    storage,
    remembers,
    cluster: { group, interfaces, instances: tracker && [tracker] },
    host,
    port: options.port,
    ...(uploadRate === undefined ? {} : { uploadRate: uploadRate * BYTES_OF_RATE }),
    ...(downloadRate === undefined ? {} : { downloadRate: downloadRate * BYTES_OF_RATE }),
  });
}

/** XDG base directories: a relative $XDG_DATA_HOME is to be ignored. */
export function peerFolder({ data }: PeerCommandOptions): string {
  if (data !== undefined) return resolve(data);
  const base = process.env.XDG_DATA_HOME ?? '';
  return join(isAbsolute(base) ? base : join(homedir(), '.local', 'share'), 'swarmkeeper-peer');
}

/**
 * What `get` remembers of downloads into one folder. Each has its own: what is known of a content is true of the files there,
 * and not of those that were fetched to somewhere else.
 */
export function folderOfDownloads(options: PeerCommandOptions, target: string): string {
  const name = createHash('sha1').update(resolve(target)).digest('hex');
  return join(peerFolder(options), 'get', name);
}

function hostAddress(value: string): string {
  if (isIP(value) === 0) throw new InvalidArgumentError('Give an address of this machine, such as 127.0.0.1.');
  return value;
}

/** `HOST:PORT` of peers; gathers a repeatable option. */
export function peerAddresses(value: string, previous: readonly TrackerAddress[] | undefined): TrackerAddress[] {
  return [...(previous ?? []), trackerAddress(value)];
}

/** Gathers a repeatable option. */
export function trackerUrls(value: string, previous: readonly string[] | undefined): string[] {
  if (!/^(?:udp|https?):\/\/\S+$/i.test(value) || !URL.canParse(value)) {
    throw new InvalidArgumentError('Give the URL of a tracker, such as udp://192.0.2.1:6969/announce.');
  }
  return [...(previous ?? []), value];
}
