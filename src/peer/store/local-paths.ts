import { type PathRules, PORTABLE_PATHS, POSIX_PATHS } from '../../bittorrent/torrent-paths.ts';

/** What the file systems that this system is usually used with can hold. */
export const LOCAL_PATHS: PathRules =
  process.platform === 'win32' || process.platform === 'darwin' ? PORTABLE_PATHS : POSIX_PATHS;
