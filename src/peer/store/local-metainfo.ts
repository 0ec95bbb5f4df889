import { createHash } from 'node:crypto';
import { type Metainfo, parseMetainfo } from '../../bittorrent/metainfo.ts';
import { type PathRules, PORTABLE_PATHS, POSIX_PATHS } from '../../bittorrent/torrent-paths.ts';

/** What the file systems that this system is usually used with can hold. */
export const LOCAL_PATHS: PathRules =
  process.platform === 'win32' || process.platform === 'darwin' ? PORTABLE_PATHS : POSIX_PATHS;

export function sha1(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha1').update(bytes).digest());
}

/** Reads a torrent file that is to lie on this machine; the errors are those of `parseMetainfo`. */
export function readMetainfo(bytes: Uint8Array): Metainfo {
  return parseMetainfo(bytes, sha1, LOCAL_PATHS);
}
