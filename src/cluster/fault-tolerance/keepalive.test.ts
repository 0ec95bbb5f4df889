import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_BROADCAST_BYTES } from '../transport/member-transport.ts';
import { MalformedError } from '../transport/wire.ts';
import { decodeKeepalive, encodeKeepalive, type Keepalive } from './keepalive.ts';

const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const keepalives: fc.Arbitrary<Keepalive> = fc.record(
  {
    name: fc.string({ maxLength: 63, unit: 'binary' }).map((text) => text.toWellFormed()),
    clientPort: fc.nat({ max: 65_535 }),
    role: fc.constantFrom('master', 'slave', 'candidate', 'learner'),
    term: whole,
    commitIndex: whole,
    appliedIndex: whole,
    stateHash: fc.stringMatching(/^[0-9a-f]{0,32}$/),
  },
  { noNullPrototype: true },
);

test('a keepalive survives its encoding and fits a datagram', () => {
  fc.assert(
    fc.property(keepalives, (keepalive) => {
      const bytes = encodeKeepalive(keepalive);
      assert.ok(bytes.length <= MAX_BROADCAST_BYTES);
      assert.deepEqual(decodeKeepalive(bytes), keepalive);
    }),
  );
});

test('bytes that are no keepalive are refused as malformed', () => {
  fc.assert(
    fc.property(keepalives, fc.nat(), fc.nat({ max: 255 }), fc.nat({ max: 40 }), (keepalive, at, value, cut) => {
      const bytes = Uint8Array.from(encodeKeepalive(keepalive));
      bytes[at % bytes.length] = value;
      for (const changed of [bytes, bytes.subarray(0, bytes.length - cut - 1), Uint8Array.from([...bytes, 0])]) {
        try {
          decodeKeepalive(changed);
        } catch (error) {
          assert.ok(error instanceof MalformedError, String(error));
        }
      }
      assert.throws(() => decodeKeepalive(Uint8Array.from([...encodeKeepalive(keepalive), 0])), MalformedError);
    }),
  );
});

test('a keepalive of another version is refused with both numbers', () => {
  assert.throws(() => decodeKeepalive(Uint8Array.of(9)), {
    code: 'MALFORMED',
    message: /version 9 of keepalives, not 1/,
  });
});
