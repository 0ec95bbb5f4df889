import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { GenesisMessage } from '../consensus/genesis.ts';
import { decodeGenesisMessage, encodeGenesisMessage, MOST_FOUNDERS } from './genesis-codec.ts';

const PLAIN = { noNullPrototype: true };
const uuid = fc.uuid();
const message: fc.Arbitrary<GenesisMessage> = fc.record(
  {
    type: fc.constantFrom('propose', 'endorse', 'decline', 'release', 'formed'),
    from: uuid,
    to: uuid,
    record: fc.record(
      {
        cluster: uuid,
        proposer: uuid,
        attempt: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        members: fc.array(uuid, { minLength: 1, maxLength: MOST_FOUNDERS }),
      },
      PLAIN,
    ),
  },
  PLAIN,
);

describe('founding messages in bytes', () => {
  it('come back as they were', () => {
    fc.assert(fc.property(message, (m) => assert.deepEqual(decodeGenesisMessage(encodeGenesisMessage(m)), m)));
  });

  it('are refused when they are cut short, longer, or of another version', () => {
    fc.assert(
      fc.property(message, fc.nat(), (m, at) => {
        const bytes = encodeGenesisMessage(m);
        assert.throws(() => decodeGenesisMessage(bytes.subarray(0, at % bytes.length)), { code: 'MALFORMED' });
        assert.throws(() => decodeGenesisMessage(Buffer.concat([bytes, Buffer.of(0)])), { code: 'MALFORMED' });
        assert.throws(() => decodeGenesisMessage(Buffer.concat([Buffer.of(9), bytes.subarray(1)])), /version 9/);
      }),
    );
  });

  it('are either read or refused, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          decodeGenesisMessage(Buffer.concat([Buffer.of(1), bytes]));
        } catch (error) {
          assert.equal((error as { code: string }).code, 'MALFORMED');
        }
      }),
    );
  });
});
