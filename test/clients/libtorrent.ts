import { join } from 'node:path';
import { missingLibtorrent, SYSTEM_PYTHON } from '../harness/programs.ts';
import { RunningProcess } from '../harness/running-process.ts';
import { bareEnvironment, type ClientProgram, PATIENCE_MS, type Scrape } from './client.ts';

const SCRIPT = join(import.meta.dirname, 'libtorrent-client.py');

/** Looked for once: it takes starting Python. */
let missing: string | false | undefined;

/** libtorrent (the library of qBittorrent and Deluge) in a small Python script, one process a torrent. */
export const libtorrent: ClientProgram = {
  name: 'libtorrent',

  missing: () => (missing ??= missingLibtorrent()),

  cannot: () => undefined,

  ignoresPeers: () => false,

  scrapes: () => true,

  needsName: () => false,

  async start({ host, port, metainfoPath, downloadFolder, homeFolder }) {
    const args = [SCRIPT, host, String(port), metainfoPath, downloadFolder];
    const process = new RunningProcess(SYSTEM_PYTHON, args, { env: bareEnvironment(homeFolder), stdin: 'pipe' });
    const said = (event: string) => process.jsonLines.filter((line) => line.event === event);
    return {
      process,
      async complete() {
        await process.until('libtorrent has everything', () => said('complete').length > 0, PATIENCE_MS);
      },
      async scrape() {
        const before = said('scraped').length;
        process.tell('scrape');
        const answer = await process.until('libtorrent scraped', () => said('scraped')[before]);
        const { event: _, ...scrape } = answer;
        return scrape as unknown as Scrape;
      },
      // Whatever the tracker says, it keeps to at least a minute by UDP.
      announceAgain() {
        process.tell('announce');
      },
      async stop() {
        process.tell('pause');
      },
    };
  },
};
