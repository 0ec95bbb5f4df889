import { parseInfoHash } from '../../bittorrent/info-hash.ts';
import { parseMetainfo, type TorrentInfo } from '../../bittorrent/metainfo.ts';
import type { Content } from '../database.ts';
import { LOCAL_PATHS } from './local-paths.ts';

/**
 * What the torrent of a content says, on a thread that was told its sha1 by one that hashed it: to load `node:crypto` takes a
 * thread 5 to 8 ms when it starts, and most do without.
 */
export function knownInfo({ sha1, metainfo }: Pick<Content, 'sha1' | 'metainfo'>): TorrentInfo {
  return parseMetainfo(metainfo, () => parseInfoHash(sha1), LOCAL_PATHS).info;
}
