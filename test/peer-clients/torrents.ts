import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { formatInfoHash } from '../../src/bittorrent/info-hash.ts';
import { formatMagnet } from '../../src/bittorrent/magnet.ts';
import { readMetainfo } from '../../src/peer/store/local-metainfo.ts';
import { SYSTEM_PYTHON } from '../harness/programs.ts';
import { PIECE_BYTES } from './contents.ts';

const SCRIPT = join(import.meta.dirname, 'make-torrents.py');

/** A torrent that is no work of ours. */
export interface MadeTorrent {
  readonly sha1: string;
  /** The file. */
  readonly torrent: string;
  readonly magnet: string;
}

export interface MakeOptions {
  /** Where torrent files go. */
  readonly folder: string;
  readonly trackers: readonly string[];
  /** `padded`: of version 1 with pad files (BEP 47); `hybrid`: of versions 1 and 2 (BEP 52). */
  readonly format?: 'v1' | 'padded' | 'hybrid' | 'v2';
  readonly isPrivate?: boolean;
}

/** What libtorrent makes of files or folders; a content of version 2 only has no sha1 and is not read. */
export async function writeTorrents(paths: readonly string[], options: MakeOptions): Promise<string[]> {
  const given = { format: 'v1', isPrivate: false, ...options, paths, pieceBytes: PIECE_BYTES };
  await promisify(execFile)(SYSTEM_PYTHON, [SCRIPT, JSON.stringify(given)], { env: { LANG: 'C.UTF-8' } });
  return paths.map((path) => join(options.folder, `${basename(path)}.torrent`));
}

/** The same, with what is needed to find them. */
export async function makeTorrents(paths: readonly string[], options: MakeOptions): Promise<MadeTorrent[]> {
  return Promise.all((await writeTorrents(paths, options)).map(madeTorrent));
}

async function madeTorrent(torrent: string): Promise<MadeTorrent> {
  const { info, trackers } = readMetainfo(await readFile(torrent));
  const { infoHash, name } = info;
  const magnet = formatMagnet({ infoHash, name, trackers: trackers.flat(), peers: [] });
  return { sha1: formatInfoHash(infoHash), torrent, magnet };
}
