import { RunningLog } from '../running-log.ts';
import type { MemberKey } from '../transport/member-key.ts';
import { workerUrl } from '../worker-url.ts';
import { MOST_FOUNDERS } from './genesis-codec.ts';

export interface RaftLogOptions {
  /** The data folder; `log.db` is in it. Made when it is not there. */
  readonly folder: string;
  /** The cluster's name. Instances of one name (and key) on one network find each other. */
  readonly cluster: string;
  /** What people call this instance. */
  readonly name: string;
  /** An address of this machine that the other members reach; without a key of loopback. */
  readonly host: string;
  /** TCP port for the other members; 0 takes a free one. */
  readonly memberPort: number;
  /** 0 while unknown; see `RunningLog.describe`. */
  readonly clientPort: number;
  /** With no formed cluster in sight, so many instances found one: 1 to 7. */
  readonly expect: number;
  /** Where members find each other; the transport's default where it is left out. */
  readonly memberGroup?: { readonly host: string; readonly port: number };
  /** The cluster's secret; null: loopback only. */
  readonly key?: MemberKey | null;
  /** Memory for the log, kept for members that were away; they get a snapshot beyond. Default: as the consensus core has it, 64 MiB. */
  readonly keepLogBytes?: number;
  /** A voter that was silent for so long is replaced by a learner that has caught up, if there is one: at least 1,000. Default: as the core has it. */
  readonly replaceAfterMs?: number;
}

/**
 * Starts the log of a member of a cluster. It resolves when the disk is open and the network is listened to; `LogClient.status`
 * tells when there is a master.
 *
 *     const log = await startRaftLog({ folder: 'data', cluster: 'default', name: 'a', host: '127.0.0.1', memberPort: 0, clientPort: 6969, expect: 3 });
 *     const client = await LogClient.connect(log.connect());
 *     client.subscribe(0n, { apply, restore, snapshot });
 *
 * @param warn told what whoever runs the instance should know: refused strangers, a second cluster of this name
 * @throws {StorageError} the folder or the file in it cannot be used
 * @throws {TransportError} the network cannot be used
 * @throws {RangeError} so many founders cannot be, or nobody can be silent for so short a time
 */
export async function startRaftLog(options: RaftLogOptions, warn?: (message: string) => void): Promise<RunningLog> {
  const { expect, replaceAfterMs = LEAST_REPLACE_AFTER_MS } = options;
  if (!Number.isInteger(expect) || expect < 1 || expect > MOST_FOUNDERS) {
    throw new RangeError(`${expect} instances cannot found a cluster: expect 1 to ${MOST_FOUNDERS}`);
  }
  if (!(replaceAfterMs >= LEAST_REPLACE_AFTER_MS)) {
    throw new RangeError(
      `a member silent for ${replaceAfterMs} ms is not gone: wait at least ${LEAST_REPLACE_AFTER_MS} ms`,
    );
  }
  return RunningLog.start(workerUrl('./log-thread', import.meta.url), options, warn);
}

/** A member that was paused, or whose network was cut for a moment, is no dead member. */
const LEAST_REPLACE_AFTER_MS = 1_000;
