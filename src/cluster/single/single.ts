import { RunningLog } from '../running-log.ts';
import { workerUrl } from '../worker-url.ts';

export interface SingleLogOptions {
  /** The data folder; `log.db` is in it. Made when it is not there. */
  readonly folder: string;
  /** The cluster's name. */
  readonly cluster: string;
  /** What people call this instance. */
  readonly name: string;
  readonly address: string;
  /** 0 while unknown; see `RunningLog.describe`. */
  readonly clientPort: number;
}

/**
 * Starts the log of an instance that is alone: one thread, one file, one sync for every group of batches.
 *
 *     const log = await startSingleLog({ folder: 'data', cluster: 'default', name: 'a', address: '127.0.0.1', clientPort: 6969 });
 *     const client = await LogClient.connect(log.connect());
 *     client.subscribe(0n, { apply: (index, batch) => { ... } });
 *     await client.propose(batch);
 *
 * @throws {StorageError} the folder or the file in it cannot be used
 */
export function startSingleLog(options: SingleLogOptions): Promise<RunningLog> {
  return RunningLog.start(workerUrl('./log-thread', import.meta.url), options);
}
