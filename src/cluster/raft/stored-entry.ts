import type { Persist } from '../consensus/effects.ts';
import type { Entry } from '../consensus/entry.ts';
import { type Membership, membershipOf, NO_MEMBERS } from '../consensus/membership.ts';
import { KIND_BATCH } from '../log-messages.ts';
import type { LogEntry } from '../storage/log-entry.ts';
import type { LogChange } from '../storage/log-store.ts';
import { type PackedEntries, unpack } from '../storage/packed-entries.ts';

// Entries of the consensus core as log.db keeps them.

/** The first entry of a master's term. */
export const KIND_NOOP = 1;
/** Its batch is the membership from this entry on. */
export const KIND_MEMBERSHIP = 2;

export function toStored({ index, term, kind, data, membership }: Entry): LogEntry {
  switch (kind) {
    case 'batch':
      return { index, term, kind: KIND_BATCH, batch: data };
    case 'noop':
      return { index, term, kind: KIND_NOOP, batch: data };
    case 'membership':
      return { index, term, kind: KIND_MEMBERSHIP, batch: Buffer.from(formatMembership(membership as Membership)) };
  }
}

/** @throws {SyntaxError} it is no entry of this engine */
export function fromStored({ index, term, kind, batch }: LogEntry): Entry {
  switch (kind) {
    case KIND_BATCH:
      return { index, term, kind: 'batch', data: batch, membership: null };
    case KIND_NOOP:
      return { index, term, kind: 'noop', data: batch, membership: null };
    case KIND_MEMBERSHIP: {
      const membership = parseMembership(Buffer.from(batch).toString());
      return { index, term, kind: 'membership', data: new Uint8Array(0), membership };
    }
    default:
      throw new SyntaxError(`entry ${index} is of kind ${kind}, which this engine does not know`);
  }
}

/** What the disk thread is to write. */
export function toChange({ hardState, truncateFrom, snapshot, entries }: Persist): LogChange {
  return {
    hardState: hardState === null ? null : { term: hardState.term, vote: hardState.vote ?? undefined },
    truncateFrom,
    reset:
      snapshot === null
        ? null
        : {
            base: { ...snapshot.meta, membership: formatMembership(snapshot.meta.membership) },
            keepLater: snapshot.keepLater,
          },
    entries: entries.map(toStored),
  };
}

/** Adds the entries that the disk thread read. @throws {SyntaxError} one is no entry of this engine */
export function unpackEntries(packed: PackedEntries, into: Entry[]): void {
  unpack(packed, (entry) => into.push(fromStored(entry)));
}

/** As JSON, so that a person can read it in the file. */
export function formatMembership({ voters, learners }: Membership): string {
  return JSON.stringify({ voters, learners });
}

/** @throws {SyntaxError} */
export function parseMembership(text: string): Membership {
  if (text === '') return NO_MEMBERS;
  const { voters, learners } = JSON.parse(text) as Partial<Membership>;
  if (!isIds(voters) || !isIds(learners)) throw new SyntaxError(`no membership: ${text}`);
  return membershipOf(voters, learners);
}

function isIds(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((id) => typeof id === 'string');
}
