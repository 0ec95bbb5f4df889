import { type Logger, pino } from 'pino';
import { type Api, startApi } from '../api/server.ts';
import { startTracker } from '../tracker/start-tracker.ts';
import type { Tracker } from '../tracker/tracker.ts';
import { adminToken } from './admin-token.ts';
import { CommandError, EXIT_FAILED } from './command-error.ts';
import { dataFolderOf, hostsOf, type InstanceOptions, instanceNameOf } from './instance-options.ts';

/** A running instance, as the command that started it shows it. */
export interface RunningInstance {
  readonly tracker: Tracker;
  readonly cluster: string;
  readonly name: string;
  readonly dataDir: string;
}

const STDERR = 2;
/** Ctrl-C reaches every process of the terminal, and npm passes it on as well: what comes this close is the same one. */
const SAME_SIGNAL_MS = 500;

/**
 * Runs one instance in this process, until SIGINT or SIGTERM stops it.
 * @param show called once it serves; what it returns is called when it stops
 * @throws CommandError when it cannot start, or fails later
 */
export async function runInstance(
  options: InstanceOptions,
  show: (instance: RunningInstance) => () => void,
): Promise<void> {
  const signalled = stopSignal();
  const logger = pino({ level: options.logLevel }, pino.destination({ dest: STDERR, sync: true }));
  const token = await adminToken(options.adminTokenFile);
  const cluster = options.cluster;
  const name = instanceNameOf(options);
  const dataDir = dataFolderOf(options);
  const tracker = await startTracker({
    cluster,
    name,
    hosts: hostsOf(options),
    port: options.port,
    memberPort: 0,
    expect: 1,
    key: null,
    dataDir,
    intervalSeconds: options.interval,
  }).catch((error: unknown) => {
    throw startError(error as NodeJS.ErrnoException, options.port, dataDir);
  });
  const api = await startApiOrClose(tracker, logger, token);
  const hide = show({ tracker, cluster, name, dataDir });
  const failure = await Promise.race([signalled, tracker.stopped]);
  hide();
  await api.close();
  await tracker.close();
  if (failure !== undefined) throw instanceError(failure);
}

async function startApiOrClose(tracker: Tracker, logger: Logger, token: string | undefined): Promise<Api> {
  try {
    return await startApi(tracker, { logger, adminToken: token });
  } catch (error) {
    await tracker.close();
    throw error;
  }
}

/** Settles at the first signal; a later one ends the process at once. */
function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    let firstAtMs: number | undefined;
    const stop = () => {
      firstAtMs ??= performance.now();
      if (performance.now() - firstAtMs > SAME_SIGNAL_MS) process.exit(EXIT_FAILED);
      resolve(undefined);
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}

/** Says what the parts of an instance cannot know: which port and which folder they were given. */
function startError(error: NodeJS.ErrnoException, port: number, dataDir: string): Error {
  if (error.code === 'EADDRINUSE') {
    return new CommandError(
      'EADDRINUSE',
      `port ${port} is taken: another program, or another instance, serves it; choose one with --port (0 takes a free one)`,
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
