import type { Role } from '../replicated-log.ts';
import { MalformedError, WireReader, WireWriter } from '../transport/wire.ts';

/** What every instance tells all others ten times a second, besides that it lives. Known to be true when it was sent, no later. */
export interface Keepalive {
  /** What people call it. */
  readonly name: string;
  readonly clientPort: number;
  readonly role: Role;
  readonly term: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** Of its tables at `appliedIndex`, hexadecimal; empty while unknown. */
  readonly stateHash: string;
}

export function encodeKeepalive(keepalive: Keepalive): Uint8Array {
  const { name, clientPort, role, term, commitIndex, appliedIndex, stateHash } = keepalive;
  return new WireWriter(MAX_KEEPALIVE_BYTES)
    .u8(VERSION)
    .text(name, MAX_NAME_BYTES)
    .u16(clientPort)
    .u8(ROLES.indexOf(role))
    .integer(term)
    .integer(commitIndex)
    .integer(appliedIndex)
    .text(stateHash, MAX_HASH_BYTES).written;
}

/** @throws {MalformedError} the sender is of another version, or broken */
export function decodeKeepalive(body: Uint8Array): Keepalive {
  const reader = new WireReader(body);
  const version = reader.u8();
  if (version !== VERSION) throw new MalformedError(`version ${version} of keepalives, not ${VERSION}`);
  const name = reader.text(MAX_NAME_BYTES);
  const clientPort = reader.u16();
  const role = ROLES[reader.u8()];
  if (role === undefined) throw new MalformedError('no such role');
  const keepalive = {
    name,
    clientPort,
    role,
    term: reader.integer(),
    commitIndex: reader.integer(),
    appliedIndex: reader.integer(),
    stateHash: reader.text(MAX_HASH_BYTES),
  };
  if (!/^[0-9a-f]*$/.test(keepalive.stateHash)) throw new MalformedError('a state hash that is none');
  reader.end();
  return keepalive;
}

const VERSION = 1;
const ROLES: readonly Role[] = ['master', 'slave', 'candidate', 'learner'];
/** 63 characters, as the command line allows, of up to four bytes each. */
const MAX_NAME_BYTES = 252;
const MAX_HASH_BYTES = 32;
const MAX_KEEPALIVE_BYTES = 320;
