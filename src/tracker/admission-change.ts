import { parseInfoHash } from '../bittorrent/info-hash.ts';
import type { ReplicatedLog } from '../cluster/replicated-log.ts';
import { type Admission, MAX_LISTED } from './admission.ts';
import type { ClusterClock } from './cluster-clock.ts';
import {
  ADMISSION_ALLOW,
  ADMISSION_DENY,
  ADMISSION_OPEN,
  BatchWriter,
  MAX_OPERATION_BYTES,
  OP_ADMISSION_ADD,
  OP_ADMISSION_REMOVE,
} from './operations.ts';
import type { AdmissionChange, AdmissionMode } from './tracker.ts';

/** A change of the admission lists that cannot be made. */
export class AdmissionError extends Error {
  override readonly name = 'AdmissionError';
  readonly code = 'ADMISSION_LIST_FULL';
}

/**
 * Puts a change of the admission lists through the log; resolves with its index once it is durable and applied.
 * @throws {InfoHashError} one of the sha1s is none
 * @throws {AdmissionError} the list would grow beyond MAX_LISTED
 */
export async function changeAdmission(
  change: AdmissionChange,
  admission: Admission,
  log: ReplicatedLog,
  clock: ClusterClock,
): Promise<bigint> {
  if ('mode' in change) {
    const writer = new BatchWriter(2 * MAX_OPERATION_BYTES);
    writer.admissionMode(MODES[change.mode]);
    return log.propose(writer.take(clock.now()));
  }
  const list = change.list === 'allow' ? ADMISSION_ALLOW : ADMISSION_DENY;
  const added = (change.add ?? []).map((sha1) => parseInfoHash(sha1));
  const removed = (change.remove ?? []).map((sha1) => parseInfoHash(sha1));
  const index = change.list === 'allow' ? admission.allow : admission.deny;
  if (index.size + added.length > MAX_LISTED) {
    throw new AdmissionError(`the ${change.list}-list holds at most ${MAX_LISTED} info-hashes; remove some first`);
  }
  const writer = new BatchWriter(MAX_OPERATION_BYTES * 2 + (added.length + removed.length) * BYTES_AN_OPERATION);
  for (const infoHash of added) writer.admission(OP_ADMISSION_ADD, list, infoHash);
  for (const infoHash of removed) writer.admission(OP_ADMISSION_REMOVE, list, infoHash);
  return writer.operations > 0 ? log.propose(writer.take(clock.now())) : log.status.commitIndex;
}

const BYTES_AN_OPERATION = 22;

const MODES: Readonly<Record<AdmissionMode, number>> = {
  open: ADMISSION_OPEN,
  allow: ADMISSION_ALLOW,
  deny: ADMISSION_DENY,
};
