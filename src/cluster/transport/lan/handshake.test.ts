import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MalformedError } from '../wire.ts';
import { MAX_HANDSHAKE_BYTES } from './bounds.ts';
import { MAX_CARD_BYTES, MAX_CLUSTER_NAME_BYTES } from './card.ts';
import { SALT_BYTES } from './datagram-seal.ts';
import {
  decodeGoodbye,
  decodeHello,
  decodePulse,
  decodeRefusal,
  decodeWelcome,
  encodeGoodbye,
  encodeHello,
  encodePulse,
  encodeRefusal,
  encodeWelcome,
} from './handshake.ts';
import { decodeDatagram, encodeDatagram } from './member-datagram.ts';

const plain = { noNullPrototype: true };
const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const incarnation = fc.record({ member: fc.uuid(), boot: whole, nonce: whole }, plain);
const card = fc.record(
  {
    clusterName: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
    cluster: fc.option(fc.uuid()),
    incarnation,
    host: fc.constantFrom('127.0.0.1', '10.1.2.3', '::1', 'fd00::7:42'),
    port: fc.integer({ min: 1, max: 65_535 }),
  },
  plain,
);
const origin = fc.record(
  { salt: fc.uint8Array({ minLength: SALT_BYTES, maxLength: SALT_BYTES }), counter: whole },
  plain,
);

test('what one member says of itself, the other reads', () => {
  fc.assert(
    fc.property(card, origin, incarnation, whole, whole, (card, origin, to, dial, accepted) => {
      const hello = { card, origin, to, dial, accepted };
      const bytes = encodeHello(hello);
      assert.ok(bytes.length < MAX_HANDSHAKE_BYTES);
      assert.deepEqual(plainly(decodeHello(bytes)), plainly(hello));
      const welcome = { card, origin, ordinal: dial };
      assert.deepEqual(plainly(decodeWelcome(encodeWelcome(welcome))), plainly(welcome));
      for (const reason of ['crossed', 'foreign', 'not-me', 'full'] as const) {
        assert.deepEqual(decodeRefusal(encodeRefusal({ card, reason })), { card, reason });
      }
      assert.equal(decodePulse(encodePulse(dial)), dial);
      for (const body of [null, new Uint8Array(0), origin.salt]) {
        assert.deepEqual(plainly(decodeDatagram(encodeDatagram({ card, body }))), plainly({ card, body }));
      }
    }),
  );
  for (const reason of ['stopping', 'foreign'] as const) assert.equal(decodeGoodbye(encodeGoodbye(reason)), reason);
});

test('the longest card fits', () => {
  const longest = {
    clusterName: 'x'.repeat(MAX_CLUSTER_NAME_BYTES),
    cluster: null,
    incarnation: { member: '9b2f1c3e-0000-4000-8000-0123456789ab', boot: 1, nonce: 2 },
    host: 'fd00:1:2:3:4:5:6:7',
    port: 65_535,
  };
  assert.equal(encodeDatagram({ card: longest, body: null }).length, 1 + MAX_CARD_BYTES);
});

test('any other bytes are refused as malformed, never by another error', () => {
  const decoders = [decodeHello, decodeWelcome, decodeRefusal, decodePulse, decodeGoodbye, decodeDatagram];
  const refuse = (bytes: Uint8Array) => {
    for (const decode of decoders) {
      try {
        decode(bytes);
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error));
      }
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), refuse));
  fc.assert(
    fc.property(card, origin, incarnation, fc.nat(), fc.nat({ max: 255 }), (card, origin, to, at, value) => {
      const bytes = Uint8Array.from(encodeHello({ card, origin, to, dial: 1, accepted: 2 }));
      bytes[at % bytes.length] = value;
      refuse(bytes);
      refuse(bytes.subarray(0, at % bytes.length));
    }),
  );
});

/** Views of bytes compare by their content, whatever class they are; JSON has its own idea of a Buffer. */
function plainly(value: unknown): unknown {
  const bytes = (each: unknown) =>
    (each as { type?: string })?.type === 'Buffer' ? (each as { data: number[] }).data : each;
  return JSON.parse(JSON.stringify(value, (_key, each) => (each instanceof Uint8Array ? [...each] : bytes(each))));
}
