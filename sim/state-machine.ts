import type { Entry } from '../src/cluster/consensus/entry.ts';
import type { Membership } from '../src/cluster/consensus/membership.ts';
import type { SnapshotMeta } from '../src/cluster/consensus/messages.ts';

/** The tables of a simulated member: a hash over everything applied, so that equal hashes mean equal histories. */
export interface Tables {
  readonly index: number;
  readonly term: number;
  readonly hash: number;
  /** The membership as of `index`. */
  readonly membership: Membership;
}

export function applyEntry(tables: Tables, entry: Entry): Tables {
  let hash = mix(mix(tables.hash, entry.index), entry.term);
  for (let i = 0; i < entry.data.length; i++) hash = mix(hash, entry.data[i]);
  return {
    index: entry.index,
    term: entry.term,
    hash,
    membership: entry.membership ?? tables.membership,
  };
}

/** One step of a 32-bit multiplicative hash; enough to tell histories apart. */
export function mix(hash: number, value: number): number {
  return (Math.imul(hash ^ value, 0x01000193) ^ (hash >>> 15)) | 0;
}

/** A proposal of the simulation is a number that no other proposal has. */
export function encodeProposal(id: number): Uint8Array {
  return new Uint8Array([id & 255, (id >>> 8) & 255, (id >>> 16) & 255, (id >>> 24) & 255]);
}

export function decodeProposal(data: Uint8Array): number {
  return data[0] | (data[1] << 8) | (data[2] << 16) | (data[3] << 24);
}

/** A snapshot in bytes, padded so that it travels in several chunks; the last byte is a checksum. */
export function encodeSnapshot(tables: Tables): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(tables).padEnd(300));
  const bytes = new Uint8Array(body.length + 1);
  bytes.set(body);
  bytes[body.length] = checksum(body);
  return bytes;
}

/** @returns null if the bytes are not a whole, sound snapshot. */
export function decodeSnapshot(bytes: Uint8Array): Tables | null {
  const body = bytes.subarray(0, bytes.length - 1);
  if (bytes.length < 2 || checksum(body) !== bytes[bytes.length - 1]) return null;
  return JSON.parse(new TextDecoder().decode(body)) as Tables;
}

export function snapshotMeta({ index, term, membership }: Tables): SnapshotMeta {
  return { index, term, membership };
}

function checksum(bytes: Uint8Array): number {
  let hash = 7;
  for (let i = 0; i < bytes.length; i++) hash = mix(hash, bytes[i]);
  return hash & 255;
}
