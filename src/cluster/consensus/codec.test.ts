import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CodecError, decodeEntry, decodeMessage, encodeEntry, encodeMessage } from './codec.ts';
import { batchEntry, type Entry, membershipEntry, noopEntry } from './entry.ts';
import { membershipOf } from './membership.ts';
import type { Message } from './messages.ts';

const count = fc.nat(2 ** 53 - 1);
const u32 = fc.nat(2 ** 32 - 1);
const data = fc.uint8Array({ maxLength: 600 });
const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 5 });
const membership = ids.chain((all) => fc.nat(all.length).map((cut) => membershipOf(all.slice(0, cut), all.slice(cut))));
const envelope = { cluster: fc.string(), from: fc.string(), to: fc.string(), boot: u32, nonce: u32, term: count };
const stamp = fc.double({ noNaN: true, noDefaultInfinity: true });
const meta = fc.record({ index: count, term: count, membership });

const entries = (after: number): fc.Arbitrary<Entry[]> =>
  fc.array(fc.oneof(data, membership, fc.constant(null)), { maxLength: 5 }).map((list) =>
    list.map((content, i) => {
      const index = after + i + 1;
      if (content === null) return noopEntry(index, 3);
      return content instanceof Uint8Array ? batchEntry(index, 3, content) : membershipEntry(index, 3, content);
    }),
  );

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ type: fc.constant('pre-vote' as const), ...envelope, lastIndex: count, lastTerm: count }),
  fc.record({ type: fc.constant('pre-vote-reply' as const), ...envelope, granted: fc.boolean(), asked: count }),
  fc.record({
    type: fc.constant('vote' as const),
    ...envelope,
    lastIndex: count,
    lastTerm: count,
    transfer: fc.boolean(),
  }),
  fc.record({ type: fc.constant('vote-reply' as const), ...envelope, granted: fc.boolean() }),
  fc.nat(2 ** 40).chain((prevIndex) =>
    fc.record({
      type: fc.constant('append' as const),
      ...envelope,
      stamp,
      prevIndex: fc.constant(prevIndex),
      prevTerm: count,
      commit: count,
      entries: entries(prevIndex),
    }),
  ),
  fc.record({ type: fc.constant('append-ack' as const), ...envelope, stamp, match: count }),
  fc.record({
    type: fc.constant('append-reject' as const),
    ...envelope,
    stamp,
    prevIndex: count,
    hintIndex: count,
    hintTerm: count,
  }),
  fc.record({
    type: fc.constant('snapshot-chunk' as const),
    ...envelope,
    stamp,
    meta,
    offset: count,
    last: fc.boolean(),
    data,
  }),
  fc.record({ type: fc.constant('snapshot-ack' as const), ...envelope, index: count, next: count }),
  fc.record({ type: fc.constantFrom('timeout-now' as const, 'hello' as const, 'join' as const), ...envelope }),
  fc.record({
    type: fc.constant('welcome' as const),
    ...envelope,
    welcomedBoot: u32,
    welcomedNonce: u32,
    byMaster: fc.boolean(),
  }),
  fc.record({ type: fc.constant('refused' as const), ...envelope, refusedBoot: u32, refusedNonce: u32 }),
);

describe('the codec', () => {
  it('brings every message back', () => {
    fc.assert(
      fc.property(message, (sent) => {
        assert.deepEqual(decodeMessage(encodeMessage(sent)), structuredClone(sent));
      }),
    );
  });

  it('brings every entry back', () => {
    fc.assert(
      fc.property(entries(7), (list) => {
        for (const entry of list) assert.deepEqual(decodeEntry(encodeEntry(entry)), entry);
      }),
    );
  });

  it('refuses a message that was cut off or grew', () => {
    fc.assert(
      fc.property(message, fc.nat(), (sent, at) => {
        const bytes = encodeMessage(sent);
        assert.throws(() => decodeMessage(bytes.subarray(0, at % bytes.length)), CodecError);
        assert.throws(() => decodeMessage(Uint8Array.of(...bytes, 0)), CodecError);
      }),
    );
  });

  it('answers garbage with its own error only', () => {
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (sent, changes) => {
          const bytes = encodeMessage(sent).slice();
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          try {
            decodeMessage(bytes);
          } catch (error) {
            if (!(error instanceof CodecError)) throw error;
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
