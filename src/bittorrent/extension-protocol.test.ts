import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { encode } from './bencode.ts';
import {
  ExtensionProtocolError,
  encodeExtendedHandshake,
  MAX_CLIENT_NAME_CHARACTERS,
  MAX_EXTENSIONS,
  MAX_REQUEST_QUEUE,
  parseExtendedHandshake,
} from './extension-protocol.ts';
import {
  encodeMetadataMessage,
  MAX_METADATA_BYTES,
  METADATA_PIECE_BYTES,
  metadataPieceBytes,
  metadataPieceCount,
  parseMetadataMessage,
} from './metadata-exchange.ts';
import { encodePeerExchange, MAX_EXCHANGED_PEERS, parsePeerExchange } from './peer-exchange.ts';

const malformed = (error: unknown) => error instanceof ExtensionProtocolError;
const text = (value: string) => new TextEncoder().encode(value);

/** Every reader gives a value or its own error. */
function survives(read: (payload: Uint8Array) => unknown, good: Uint8Array): void {
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, end) => {
      const bytes = good.slice(0, end);
      bytes[at] = byte;
      try {
        read(bytes);
      } catch (error) {
        assert.ok(malformed(error), String(error));
      }
    }),
    { numRuns: 500 },
  );
}

describe('The extended handshake', () => {
  it('says the same when it is read', () => {
    const handshake = {
      extensions: new Map([
        ['lt_donthave', 3],
        ['ut_metadata', 1],
        ['ut_pex', 2],
      ]),
      client: 'Swarmkeeper 0.1',
      port: 6881,
      requestQueue: 500,
      metadataBytes: 12_345,
      yourHost: '192.0.2.7',
      uploadOnly: true,
    };
    assert.deepEqual(parseExtendedHandshake(encodeExtendedHandshake(handshake)), handshake);
    assert.deepEqual(parseExtendedHandshake(encodeExtendedHandshake({ extensions: new Map() })), {
      extensions: new Map(),
    });
  });

  it('may have its keys in any order', () => {
    const { client, port } = parseExtendedHandshake(text('d1:v1:x1:pi5e1:mdee'));
    assert.deepEqual([client, port], ['x', 5]);
  });

  it('loses what is wrong or too much', () => {
    const m = new Map(Array.from({ length: 500 }, (_, i): [string, number] => [`e${i}`, 1]));
    const read = parseExtendedHandshake(
      encode({
        m,
        v: `a\u001b[2J\u202e${'x'.repeat(200)}`,
        p: 70_000,
        reqq: 10 ** 9,
        metadata_size: -1,
        yourip: text('abc'),
      }),
    );
    assert.equal(read.extensions.size, MAX_EXTENSIONS);
    assert.equal(read.client?.length, MAX_CLIENT_NAME_CHARACTERS);
    assert.match(read.client ?? '', /^a \[2J x+$/);
    assert.equal(read.requestQueue, MAX_REQUEST_QUEUE);
    assert.deepEqual([read.port, read.metadataBytes, read.yourHost], [undefined, undefined, undefined]);
    assert.equal(parseExtendedHandshake(encode({ m: { a: 256, b: -1, c: 'x', d: 0 } })).extensions.size, 1);
    assert.equal(parseExtendedHandshake(encode({ yourip: Uint8Array.of(127, 0, 0, 1) })).yourHost, '127.0.0.1');
    assert.deepEqual(encodeExtendedHandshake({ extensions: new Map(), yourHost: 'a.name' }), encode({ m: {} }));
  });

  it('is a dictionary or an error', () => {
    assert.throws(() => parseExtendedHandshake(text('le')), malformed);
    assert.throws(() => parseExtendedHandshake(text('d1:a')), malformed);
    assert.throws(() => parseExtendedHandshake(text(`${'l'.repeat(1000)}${'e'.repeat(1000)}`)), malformed);
    survives(
      parseExtendedHandshake,
      encodeExtendedHandshake({ extensions: new Map([['ut_pex', 2]]), client: 'x', port: 1 }),
    );
  });
});

describe('Metadata from peers', () => {
  it('is cut into pieces of 16 KiB', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_METADATA_BYTES }), (totalBytes) => {
        const count = metadataPieceCount(totalBytes);
        let sum = 0;
        for (let piece = 0; piece < count; piece++) sum += metadataPieceBytes(totalBytes, piece);
        assert.equal(sum, totalBytes);
      }),
      { numRuns: 50 },
    );
  });

  it('is asked for, given and refused by messages that say the same when they are read', () => {
    const data = new Uint8Array(100).fill(0x65);
    for (const message of [
      { type: 'request', piece: 3 },
      { type: 'reject', piece: 0 },
      { type: 'data', piece: 1, totalBytes: METADATA_PIECE_BYTES + 100, data },
    ] as const) {
      assert.deepEqual(parseMetadataMessage(encodeMetadataMessage(message)), message);
    }
    assert.equal(parseMetadataMessage(encode({ msg_type: 7 })), undefined);
  });

  it('of other than its own length, or larger than it may be, is refused', () => {
    const data = (piece: number, totalBytes: number, bytes: number) =>
      encodeMetadataMessage({ type: 'data', piece, totalBytes, data: new Uint8Array(bytes) });
    assert.throws(() => parseMetadataMessage(data(0, 100, 99)), malformed);
    assert.throws(() => parseMetadataMessage(data(0, 100, 101)), malformed);
    assert.throws(() => parseMetadataMessage(data(1, 100, 100)), malformed);
    assert.throws(() => parseMetadataMessage(data(0, 2 ** 31, METADATA_PIECE_BYTES)), malformed);
    assert.throws(() => parseMetadataMessage(encode({ msg_type: 0, piece: -1 })), malformed);
    assert.throws(() => parseMetadataMessage(encode({ msg_type: 0, piece: 10 ** 6 })), malformed);
    survives(parseMetadataMessage, data(0, 20, 20));
  });
});

describe('Peer exchange', () => {
  const flags = { seed: false, utp: false, reachable: false };

  it('names peers of both families with what is known of them', () => {
    const exchange = {
      added: [
        { host: '127.0.0.1', port: 1, seed: true, utp: false, reachable: true },
        { host: '127.0.0.2', port: 2, seed: false, utp: true, reachable: false },
        { host: '2001:db8::1', port: 3, seed: true, utp: false, reachable: false },
      ],
      dropped: [
        { host: '127.0.0.3', port: 4 },
        { host: '::1', port: 5 },
      ],
    };
    assert.deepEqual(parsePeerExchange(encodePeerExchange(exchange)), exchange);
    assert.deepEqual(parsePeerExchange(encode({})), { added: [], dropped: [] });
  });

  it('is bounded both ways', () => {
    const added = Array.from({ length: 200 }, (_, i) => ({ host: `10.0.0.${i}`, port: 1, ...flags }));
    assert.equal(parsePeerExchange(encodePeerExchange({ added, dropped: added })).added.length, MAX_EXCHANGED_PEERS);
    assert.equal(parsePeerExchange(encode({ added: new Uint8Array(6000).fill(1) })).added.length, MAX_EXCHANGED_PEERS);
  });

  it('loses peers that cannot be', () => {
    assert.deepEqual(parsePeerExchange(encode({ added: new Uint8Array(7), dropped: 5 })), { added: [], dropped: [] });
    assert.deepEqual(parsePeerExchange(encode({ added: new Uint8Array(6) })).added, []);
    survives(parsePeerExchange, encodePeerExchange({ added: [{ host: '::1', port: 1, ...flags }], dropped: [] }));
  });
});
