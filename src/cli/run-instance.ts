import type { Command } from 'commander';
import { pino } from 'pino';
import type { Api, ApiOptions } from '../api/server.ts';
import { startTracker } from '../tracker/start-tracker.ts';
import type { Tracker } from '../tracker/tracker.ts';
import { adminToken } from './admin-token.ts';
import { CommandError, EXIT_DONE } from './command-error.ts';
import {
  dataFolderOf,
  hostsOf,
  instanceNameOf,
  memberPortOf,
  requiredKey,
  type TrackerCommandOptions,
} from './instance-options.ts';
import { stopSignal } from './stop-signal.ts';

/** A running instance, as the command that started it shows it. */
export interface RunningInstance {
  readonly tracker: Tracker;
  readonly cluster: string;
  readonly name: string;
  readonly dataDir: string;
}

const STDERR = 2;
const BYTES_PER_MIB = 1 << 20;

/**
 * Runs one instance in this process, until SIGINT or SIGTERM stops it, or whoever started it with an IPC channel is gone.
 * @param show called once it serves
 * @throws CommandError when it cannot start, or fails later
 */
export async function runInstance(
  options: TrackerCommandOptions,
  command: Command,
  show: (instance: RunningInstance) => void,
): Promise<void> {
  const signalled = stopSignal();
  let serves = false;
  // An instance that serves nobody yet has nothing to bring in order; its files survive any end.
  void signalled.then(() => {
    if (!serves) process.exit(EXIT_DONE);
  });
  const logger = pino({ level: options.logLevel }, pino.destination({ dest: STDERR, sync: true }));
  const token = await adminToken(options.adminTokenFile);
  const cluster = options.cluster;
  const name = instanceNameOf(options);
  const dataDir = dataFolderOf(options);
  const { group, memberGroup, expect, replaceAfter, keepLog } = options;
  const hosts = hostsOf(options);
  const memberPort = memberPortOf(options);
  const tracker = await startTracker({
    cluster,
    name,
    hosts,
    port: options.port,
    memberPort,
    expect,
    group,
    memberGroup,
    key: requiredKey(options, command),
    replaceAfterMs: replaceAfter === undefined ? undefined : replaceAfter * 1_000,
    keepLogBytes: keepLog === undefined ? undefined : keepLog * BYTES_PER_MIB,
    dataDir,
    intervalSeconds: options.interval,
    warn: (message) => logger.warn(message),
  }).catch((error: unknown) => {
    throw startError(error as NodeJS.ErrnoException, { hosts, port: options.port, memberPort, dataDir });
  });
  const api = await startApiOrClose(tracker, { logger, adminToken: token, peerPages: options.peerPages });
  serves = true;
  show({ tracker, cluster, name, dataDir });
  const failure = await Promise.race([signalled, tracker.stopped]);
  await api.close();
  await tracker.close();
  if (failure !== undefined) throw instanceError(failure);
}

async function startApiOrClose(tracker: Tracker, options: ApiOptions): Promise<Api> {
  try {
    // Its libraries take longer to load than the tracker itself: clients are served meanwhile.
    const { startApi } = await import('../api/server.ts');
    return await startApi(tracker, options);
  } catch (error) {
    await tracker.close();
    throw error;
  }
}

/** Where an instance was told to be. */
interface Places {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly memberPort: number;
  readonly dataDir: string;
}

/** Says what the parts of an instance cannot know: which ports and which folder they were given. */
function startError(error: NodeJS.ErrnoException, { hosts, port, memberPort, dataDir }: Places): Error {
  if (error.code === 'EADDRINUSE') {
    const [option, taken] = error.name === 'TransportError' ? ['--member-port', memberPort] : ['--port', port];
    return new CommandError(
      'EADDRINUSE',
      `port ${taken} is taken: another program, or another instance, serves it; choose one with ${option} (0 takes a free one)`,
      { cause: error },
    );
  }
  if (error.code === 'EADDRNOTAVAIL') {
    return new CommandError(
      'EADDRNOTAVAIL',
      `this machine does not have all of these addresses: ${hosts.join(', ')}; give --host those that it has`,
      { cause: error },
    );
  }
  if (error.code === 'LOG_GAP') {
    return new CommandError('LOG_GAP', `the data folder ${dataDir} cannot be used: ${error.message}`, { cause: error });
  }
  return error;
}

function instanceError(reason: Error & { code?: unknown }): CommandError {
  const code = typeof reason.code === 'string' ? reason.code : 'FAILED';
  return new CommandError(code, `the instance stopped: ${reason.message}`, { cause: reason });
}
