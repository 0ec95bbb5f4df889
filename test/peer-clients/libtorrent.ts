import { join } from 'node:path';
import { missingLibtorrent, SYSTEM_PYTHON } from '../harness/programs.ts';
import type { RunningProcess } from '../harness/running-process.ts';
import type { ClientOptions, OtherClient, OtherProgram, Seat, Task } from './other-client.ts';

const SCRIPT = join(import.meta.dirname, 'libtorrent-session.py');
/** Of `in_enc_policy` and `out_enc_policy`. */
const FORCED = 0;

/** Looked for once: it takes starting Python. */
let missing: string | false | undefined;

/** libtorrent, the library of qBittorrent and Deluge, in a small Python script. */
export const libtorrent: OtherProgram = {
  name: 'libtorrent',
  missing: () => (missing ??= missingLibtorrent()),
  makesEmptyFiles: true,
  readsHybrids: true,
  ownFiles: undefined,
  start: (seat, options) => startLibtorrent(seat, options),
};

/** How libtorrent is connected to a peer. */
export interface LibtorrentPeer {
  readonly host: string;
  readonly port: number;
  readonly client: string;
  readonly utp: boolean;
  readonly flags: readonly string[];
  readonly sources: readonly string[];
}

/** @param settings of libtorrent, beside those that follow from the options */
export async function startLibtorrent(
  { host, port, run }: Seat,
  options: ClientOptions = {},
  settings: Record<string, unknown> = {},
): Promise<LibtorrentClient> {
  const { utp = false, insistsOnEncryption = false, uploadRate } = options;
  const all = {
    listen_interfaces: `${host}:${port}`,
    enable_dht: false,
    enable_lsd: false,
    enable_natpmp: false,
    enable_upnp: false,
    enable_incoming_utp: utp,
    enable_outgoing_utp: utp,
    ...(uploadRate !== undefined && { torrent_upload_rate: uploadRate }),
    ...(insistsOnEncryption && { in_enc_policy: FORCED, out_enc_policy: FORCED }),
    ...settings,
  };
  const process = run(SYSTEM_PYTHON, [SCRIPT, JSON.stringify(all)], 'pipe');
  await process.until('libtorrent is ready', () => process.jsonLines.some(({ event }) => event === 'ready'));
  return new LibtorrentClient(process);
}

export class LibtorrentClient implements OtherClient {
  readonly process: RunningProcess;
  #lastId = 0;

  constructor(process: RunningProcess) {
    this.process = process;
  }

  async add({ source, folder }: Task): Promise<void> {
    await this.#ask('add', { ...source, folder });
  }

  async isComplete(sha1: string): Promise<boolean> {
    return (await this.#ask('complete', { sha1 })) as boolean;
  }

  async peers(sha1: string): Promise<LibtorrentPeer[]> {
    return (await this.#ask('peers', { sha1 })) as LibtorrentPeer[];
  }

  async connect(sha1: string, host: string, port: number): Promise<void> {
    await this.#ask('connect', { sha1, host, port });
  }

  /** What was said to and by peers, with the setting `peer_log`. */
  get wire(): string[] {
    return this.process.jsonLines.flatMap(({ wire }) => (wire === undefined ? [] : [wire as string]));
  }

  async #ask(what: string, fields: Record<string, unknown>): Promise<unknown> {
    const id = ++this.#lastId;
    this.process.tell(JSON.stringify({ do: what, id, ...fields }));
    const { result, error } = await this.process.until('libtorrent answers', () =>
      this.process.jsonLines.find((line) => line.id === id),
    );
    if (error !== undefined) throw new Error(`libtorrent cannot ${what}: ${error}`);
    return result;
  }
}
