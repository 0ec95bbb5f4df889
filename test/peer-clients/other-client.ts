import type { RunningProcess } from '../harness/running-process.ts';

/** A peer that others reach at this address. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A torrent as a client is given it. */
export interface Task {
  /** The info-hash, 40 digits. */
  readonly sha1: string;
  /** A torrent file, or a magnet link. */
  readonly source: { readonly torrent: string } | { readonly magnet: string };
  /** In which its file or folder lies, or is to come. */
  readonly folder: string;
}

/** A way to run a program: on which host, and with a folder of its own for settings and caches. */
export interface Seat {
  readonly host: string;
  /** For peers; the next one is for whatever controls the program. */
  readonly port: number;
  readonly homeFolder: string;
  run(program: string, args: readonly string[], stdin?: 'pipe'): RunningProcess;
}

/** What is asked of every program, whatever its settings are called. */
export interface ClientOptions {
  /** It talks with those only that encrypt. By default it takes both, as it comes. */
  readonly insistsOnEncryption?: boolean;
  /** PEX is off by default, so that trackers alone tell of peers. */
  readonly pex?: boolean;
  /** uTP is off by default. */
  readonly utp?: boolean;
  /** Bytes a second that it sends; no limit by default. */
  readonly uploadRate?: number;
}

/** A BitTorrent client that is not ours. */
export interface OtherProgram {
  readonly name: string;
  /** What is missing to run it, for a test's `skip`; false when all is there. Throws under CI=true. */
  missing(): string | false;
  /** Whether it makes the files of a torrent that have no bytes. */
  readonly makesEmptyFiles: boolean;
  /** Whether it reads torrents of versions 1 and 2 (BEP 52), as version 1. */
  readonly readsHybrids: boolean;
  /** What it keeps beside the contents while it runs, by the end of the path. */
  readonly ownFiles: RegExp | undefined;
  /** Resolves when it can be given torrents. */
  start(seat: Seat, options?: ClientOptions): Promise<OtherClient>;
}

/** One that runs, with however many torrents. */
export interface OtherClient {
  readonly process: RunningProcess;
  /** Verifies what is in the folder already, then fetches and seeds. */
  add(task: Task): Promise<void>;
  /** Whether it has all of it. */
  isComplete(sha1: string): Promise<boolean>;
}
