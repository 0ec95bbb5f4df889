import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeOutcome,
  decodeRequest,
  encodeOutcome,
  encodeRequest,
  type ForwardedRequest,
  KIND_OUTCOME,
  KIND_REQUEST,
} from './forward-messages.ts';

const id = fc.nat(0xffff_ffff);
const sha1s = fc.array(fc.stringMatching(/^[0-9a-f]{40}$/), { maxLength: 3 });
const plain = { noNullPrototype: true } as const;
const requests: fc.Arbitrary<ForwardedRequest> = fc.oneof(
  fc.record(
    {
      type: fc.constant('http' as const),
      path: fc.constantFrom('/announce' as const, '/scrape' as const),
      query: fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1')),
      ip: fc.array(fc.nat(255), { minLength: 4, maxLength: 16 }),
    },
    plain,
  ),
  fc.record(
    {
      type: fc.constant('change-admission' as const),
      change: fc.oneof(
        fc.record({ mode: fc.constantFrom('open' as const, 'allow' as const, 'deny' as const) }, plain),
        fc.record({ list: fc.constantFrom('allow' as const, 'deny' as const), add: sha1s, remove: sha1s }, plain),
      ),
    },
    plain,
  ),
  fc.constant({ type: 'step-down' as const }),
);

describe('messages between instances about clients', () => {
  test('a request comes out as it went in, raw queries too', () => {
    fc.assert(
      fc.property(id, requests, (id, request) => {
        const message = encodeRequest(id, request);
        assert.equal(message[0], KIND_REQUEST);
        assert.deepEqual(decodeRequest(message), { id, request });
      }),
    );
  });

  test('an outcome comes out as it went in', () => {
    fc.assert(
      fc.property(id, fc.nat(0xffff), fc.uint8Array(), (id, status, body) => {
        const message = encodeOutcome(id, { status, body });
        assert.equal(message[0], KIND_OUTCOME);
        assert.deepEqual(decodeOutcome(message), { id, outcome: { status, body } });
      }),
    );
  });

  test('what cannot be read is none of them', () => {
    const request = encodeRequest(1, { type: 'step-down' });
    assert.equal(decodeRequest(request.subarray(0, -1)), undefined);
    assert.equal(decodeRequest(request.subarray(0, 7)), undefined);
    assert.equal(decodeOutcome(encodeOutcome(1, { status: 200, body: new Uint8Array(0) }).subarray(0, 7)), undefined);
  });
});
