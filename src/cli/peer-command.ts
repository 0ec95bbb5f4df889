import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { type Logger, pino } from 'pino';
import { startPeerApi } from '../api/peer/peer-server.ts';
import { makeFolder } from '../cluster/storage/make-folder.ts';
import { lockFolder } from '../peer/folder-lock.ts';
import type { Peer } from '../peer/peer.ts';
import { CommandError } from './command-error.ts';
import { LOG_LEVELS, logLevel, port } from './option-values.ts';
import { printJson, printLine } from './output.ts';
import { addPeerOptions, DEFAULT_API_PORT, openPeer, type PeerCommandOptions, peerFolder } from './peer-options.ts';
import type { PeerListening } from './peer-process.ts';
import { stopSignal } from './stop-signal.ts';

interface DaemonOptions extends PeerCommandOptions {
  readonly apiPort: number;
  readonly downloads?: string;
  readonly shareFolder?: string;
  readonly uploadFolder?: string;
  readonly logLevel: string;
}

const STDERR = 2;

export function peerCommand(): Command {
  return addPeerOptions(new Command('peer'))
    .description(
      'run a peer that is told by its pages or API what to share and get, and goes on with it when it is started again',
    )
    .option('--api-port <n>', 'port of its pages and API, on 127.0.0.1; 0 takes a free one', port, DEFAULT_API_PORT)
    .option(
      '--downloads <folder>',
      'where contents go that are told no folder (default: the folder downloads in that of --data)',
    )
    .option('--share-folder <folder>', 'let its pages share what lies in it, and nothing else (default: only uploads)')
    .option(
      '--upload-folder <folder>',
      'where files go that are dropped on its pages (default: uploads in that of --data)',
    )
    .option('--log-level <level>', `${LOG_LEVELS.join(', ')}; the log goes to stderr`, logLevel, 'warn')
    .addHelpText('after', '\nExample:\n  swarmkeeper peer --downloads /srv/downloads --share-folder /srv/films')
    .action(async (options: DaemonOptions) => {
      const signalled = stopSignal();
      const logger = pino({ level: options.logLevel }, pino.destination({ dest: STDERR, sync: true }));
      const data = join(peerFolder(options), 'peer');
      const lock = lockFolder(data);
      try {
        const peer = await openPeer(options, data, { remembers: true });
        try {
          await serve(peer, data, options, logger, signalled);
        } finally {
          await peer.close();
        }
      } finally {
        lock.release();
      }
    });
}

async function serve(
  peer: Peer,
  data: string,
  { apiPort, downloads, shareFolder, uploadFolder, json }: DaemonOptions,
  logger: Logger,
  signalled: Promise<undefined>,
): Promise<void> {
  const folders = {
    defaultFolder: resolve(downloads ?? join(data, 'downloads')),
    uploadFolder: resolve(uploadFolder ?? join(data, 'uploads')),
    shareFolder: shareFolder === undefined ? undefined : resolve(shareFolder),
  };
  makeFolder(folders.defaultFolder);
  makeFolder(folders.uploadFolder);
  const api = await startPeerApi(peer, { port: apiPort, ...folders, logger }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EADDRINUSE') throw cause;
    const message = `port ${apiPort} is taken: another program, or another peer, serves it; choose one with --api-port (0 takes a free one)`;
    throw new CommandError('EADDRINUSE', message, { cause });
  });
  try {
    const url = `http://${api.host}:${api.port}/`;
    if (json) {
      printJson({
        event: 'listening',
        url,
        apiPort: api.port,
        port: peer.port,
        pid: process.pid,
        data,
        downloads: folders.defaultFolder,
        uploads: folders.uploadFolder,
      } satisfies PeerListening);
    } else {
      printLine(`swarmkeeper: a peer with ${peer.contents.length} contents; share and get in a browser at`);
      printLine(`  ${url}`);
      printLine(`downloads: ${folders.defaultFolder}`);
      printLine(`data: ${data}`);
      printLine('Ctrl-C stops it.');
    }
    await signalled;
  } finally {
    await api.close();
  }
}
