import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { batchEntry, membershipEntry, noopEntry } from '../consensus/entry.ts';
import { membershipOf } from '../consensus/membership.ts';
import { formatMembership, fromStored, parseMembership, toStored } from './stored-entry.ts';

const place = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const ids = fc.array(fc.uuid(), { maxLength: 7 });
const membership = fc.tuple(ids, ids).map(([voters, learners]) => membershipOf(voters, learners));
const entry = fc.oneof(
  fc.tuple(place, place, fc.uint8Array()).map(([index, term, data]) => batchEntry(index, term, data)),
  fc.tuple(place, place).map(([index, term]) => noopEntry(index, term)),
  fc.tuple(place, place, membership).map(([index, term, members]) => membershipEntry(index, term, members)),
);

describe('entries on the disk', () => {
  it('come back as the core had them', () => {
    fc.assert(fc.property(entry, (e) => assert.deepEqual(fromStored(toStored(e)), e)));
    fc.assert(fc.property(membership, (m) => assert.deepEqual(parseMembership(formatMembership(m)), m)));
  });

  it('are refused when they are of another engine', () => {
    const batch = new Uint8Array(0);
    assert.throws(() => fromStored({ index: 1, term: 1, kind: 77, batch }), /kind 77/);
    assert.throws(() => parseMembership('{"voters":[1],"learners":[]}'), SyntaxError);
    assert.throws(() => parseMembership('{}'), SyntaxError);
    assert.deepEqual(parseMembership(''), membershipOf([]));
  });
});
