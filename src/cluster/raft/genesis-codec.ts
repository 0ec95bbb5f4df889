import type { GenesisMessage, GenesisRecord } from '../consensus/genesis.ts';
import { MalformedError, WireReader, WireWriter } from '../transport/wire.ts';

/** A message of the founding in bytes: version u8, type u8, from, to, cluster, proposer (uuids), attempt u64, count u8, members. */
export function encodeGenesisMessage({ type, from, to, record }: GenesisMessage): Uint8Array {
  if (record.members.length > MOST_FOUNDERS) throw new RangeError(`at most ${MOST_FOUNDERS} instances found a cluster`);
  const writer = new WireWriter(MAX_BYTES)
    .u8(VERSION)
    .u8(TYPES.indexOf(type))
    .uuid(from)
    .uuid(to)
    .uuid(record.cluster)
    .uuid(record.proposer)
    .integer(record.attempt)
    .u8(record.members.length);
  for (const member of record.members) writer.uuid(member);
  return writer.written;
}

/** @throws {MalformedError} */
export function decodeGenesisMessage(bytes: Uint8Array): GenesisMessage {
  const reader = new WireReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new MalformedError(`version ${version} of founding messages, not ${VERSION}`);
  const type = TYPES[reader.u8()];
  if (type === undefined) throw new MalformedError('no such founding message');
  const [from, to, cluster, proposer] = [reader.uuid(), reader.uuid(), reader.uuid(), reader.uuid()];
  const attempt = reader.integer();
  const count = reader.u8();
  if (count < 1 || count > MOST_FOUNDERS) throw new MalformedError(`${count} founders`);
  const members = Array.from({ length: count }, () => reader.uuid());
  reader.end();
  const record: GenesisRecord = { cluster, proposer, attempt, members };
  return { type, from, to, record };
}

/** More voters than that a cluster never has. */
export const MOST_FOUNDERS = 7;
const VERSION = 1;
/** The position is the number on the wire: append only. */
const TYPES: readonly GenesisMessage['type'][] = ['propose', 'endorse', 'decline', 'release', 'formed'];
const MAX_BYTES = 2 + 4 * 16 + 8 + 1 + MOST_FOUNDERS * 16;
