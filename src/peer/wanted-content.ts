import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { INFO_HASH_DIGITS, parseInfoHash } from '../bittorrent/info-hash.ts';
import { type Magnet, type PeerEndpoint, parseMagnet } from '../bittorrent/magnet.ts';
import { MAX_METAINFO_BYTES } from '../bittorrent/metainfo.ts';
import type { PeerInfoRequester } from './peer-info-requester.ts';
import { readMetainfo } from './store/local-metainfo.ts';

/** A content that somebody wants, as far as it is known: what `Peer.get` takes. */
export interface WantedContent {
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  readonly metainfo?: Uint8Array;
  readonly name?: string | undefined;
  /** Bytes. */
  readonly size?: number | undefined;
  /** Of the torrent or magnet link; none: only the cluster, or peers that are named, can help. */
  readonly trackers: readonly string[];
  readonly peers: readonly PeerEndpoint[];
}

export type WantedErrorCode = 'NO_SUCH_FILE' | 'NOT_A_TORRENT' | 'BAD_MAGNET';

/** What was given for a content is none. */
export class WantedError extends Error {
  override readonly name = 'WantedError';
  readonly code: WantedErrorCode;

  constructor(code: WantedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * What is meant: a sha1, a magnet link, the path of a torrent file, or a name from the list of contents.
 * @throws {WantedError} {@link AmbiguousNameError} {@link TrackerError} as `PeerInfoRequester.find`
 */
export async function findWanted(text: string, requester: PeerInfoRequester): Promise<WantedContent> {
  const nothing = { trackers: [], peers: [] };
  if (text.length === INFO_HASH_DIGITS && /^[0-9a-f]+$/i.test(text)) {
    return { infoHash: parseInfoHash(text), ...nothing };
  }
  if (/^magnet:/i.test(text)) return fromMagnet(text);
  // A file that is half downloaded has the name of its content: only what looks like a torrent file is taken for one.
  const isTorrent = text.toLowerCase().endsWith('.torrent');
  if (text.includes('/') || text.includes(sep) || (isTorrent && existsSync(text))) return await fromFile(text);
  const { sha1, name, size } = await requester.find(text);
  return { infoHash: parseInfoHash(sha1), name: name ?? undefined, size: size ?? undefined, ...nothing };
}

function fromMagnet(link: string): Magnet {
  try {
    return parseMagnet(link);
  } catch (error) {
    throw new WantedError('BAD_MAGNET', `${(error as Error).message}; is the link complete, and in quotes?`, {
      cause: error,
    });
  }
}

async function fromFile(path: string): Promise<WantedContent> {
  let metainfo: Uint8Array;
  try {
    const { size } = await stat(path);
    if (size > MAX_METAINFO_BYTES)
      throw notATorrent(path, `it has ${size} bytes; at most ${MAX_METAINFO_BYTES} are read`);
    metainfo = await readFile(path);
  } catch (cause) {
    if (cause instanceof WantedError) throw cause;
    throw new WantedError('NO_SUCH_FILE', `the torrent file ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  return wantedTorrent(metainfo, path);
}

/**
 * What a torrent file is of.
 * @param called what errors call it
 * @throws {WantedError} NOT_A_TORRENT
 */
export function wantedTorrent(metainfo: Uint8Array, called: string): WantedContent {
  try {
    const { info, trackers } = readMetainfo(metainfo);
    const { infoHash, name, size } = info;
    return { infoHash, metainfo, name, size, trackers: trackers.flat(), peers: [] };
  } catch (cause) {
    throw notATorrent(called, (cause as Error).message, cause);
  }
}

function notATorrent(path: string, why: string, cause?: unknown): WantedError {
  return new WantedError('NOT_A_TORRENT', `${path} is no torrent file that can be used: ${why}`, { cause });
}
