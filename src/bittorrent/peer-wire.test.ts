import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  ALLOWED_FAST,
  type Block,
  CANCEL,
  CHOKE,
  encodeExtended,
  encodeHandshake,
  HAVE,
  HAVE_ALL,
  HAVE_NONE,
  INTERESTED,
  mayBeHandshake,
  NOT_INTERESTED,
  PeerWireError,
  PORT,
  REJECT,
  REQUEST,
  readHandshake,
  SUGGEST,
  UNCHOKE,
  writeBitfieldHeader,
  writeBlockHeader,
  writeBlockMessage,
  writeKeepAlive,
  writePieceIndex,
  writeSignal,
} from './peer-wire.ts';
import {
  MAX_BITFIELD_BYTES,
  MAX_BLOCK_BYTES,
  MAX_EXTENDED_BYTES,
  MAX_UNKNOWN_BYTES,
  PeerWireParser,
  type PeerWireReceiver,
} from './peer-wire-parser.ts';

const handshake = {
  infoHash: Uint8Array.from({ length: 20 }, (_, i) => i),
  peerId: new TextEncoder().encode('-SK0001-abcdefghijkl'),
  features: { extended: true, fast: true, dht: false },
};

type Heard = [string, ...unknown[]];

/** Writes down what it hears; blocks as a whole, with the places where they were cut. */
class Recorder implements PeerWireReceiver {
  readonly heard: Heard[] = [];
  parts = 0;
  #arriving: { block: Block; bytes: Uint8Array; filled: number } | undefined;

  handshake = (...args: unknown[]) => this.#note('handshake', ...args);
  keepAlive = () => this.#note('keepAlive');
  choke = () => this.#note('choke');
  unchoke = () => this.#note('unchoke');
  interested = () => this.#note('interested');
  notInterested = () => this.#note('notInterested');
  have = (piece: number) => this.#note('have', piece);
  bitfield = (bits: Uint8Array) => this.#note('bitfield', bits.slice());
  request = (block: Block) => this.#note('request', block);
  cancel = (block: Block) => this.#note('cancel', block);
  port = (port: number) => this.#note('port', port);
  suggest = (piece: number) => this.#note('suggest', piece);
  haveAll = () => this.#note('haveAll');
  haveNone = () => this.#note('haveNone');
  reject = (block: Block) => this.#note('reject', block);
  allowedFast = (piece: number) => this.#note('allowedFast', piece);
  extended = (extension: number, payload: Uint8Array) => this.#note('extended', extension, payload.slice());

  blockPart(block: Block, offset: number, part: Uint8Array): void {
    this.#arriving ??= { block, bytes: new Uint8Array(block.length), filled: 0 };
    assert.deepEqual(block, this.#arriving.block);
    assert.equal(offset, this.#arriving.filled);
    assert.ok(part.length > 0);
    this.#arriving.bytes.set(part, offset);
    this.#arriving.filled += part.length;
    this.parts++;
    if (this.#arriving.filled < block.length) return;
    this.heard.push(['block', block, this.#arriving.bytes]);
    this.#arriving = undefined;
  }

  #note(what: string, ...details: unknown[]): void {
    assert.equal(this.#arriving, undefined, 'a message came in the middle of a block');
    this.heard.push([what, ...details]);
  }
}

const uint32 = fc.nat(0xffffffff);
const block = fc.record({ piece: uint32, begin: uint32, length: uint32 }, { noNullPrototype: true });
const written = (room: number, write: (out: Uint8Array) => number) => {
  const out = new Uint8Array(room);
  assert.equal(write(out), room);
  return out;
};
const signal = (id: number, name: string) =>
  fc.constant({ bytes: written(5, (out) => writeSignal(out, 0, id)), heard: [name] as Heard });
const index = (id: number, name: string) =>
  uint32.map((piece) => ({
    bytes: written(9, (out) => writePieceIndex(out, 0, id, piece)),
    heard: [name, piece] as Heard,
  }));
const blockMessage = (id: number, name: string) =>
  block.map((at) => ({ bytes: written(17, (out) => writeBlockMessage(out, 0, id, at)), heard: [name, at] as Heard }));

/** Any message with what a receiver must hear of it. */
const message = fc.oneof(
  signal(CHOKE, 'choke'),
  signal(UNCHOKE, 'unchoke'),
  signal(INTERESTED, 'interested'),
  signal(NOT_INTERESTED, 'notInterested'),
  signal(HAVE_ALL, 'haveAll'),
  signal(HAVE_NONE, 'haveNone'),
  index(HAVE, 'have'),
  index(SUGGEST, 'suggest'),
  index(ALLOWED_FAST, 'allowedFast'),
  blockMessage(REQUEST, 'request'),
  blockMessage(CANCEL, 'cancel'),
  blockMessage(REJECT, 'reject'),
  fc.constant({ bytes: written(4, (out) => writeKeepAlive(out, 0)), heard: ['keepAlive'] as Heard }),
  fc
    .nat(0xffff)
    .map((port) => ({ bytes: Uint8Array.of(0, 0, 0, 3, PORT, port >>> 8, port), heard: ['port', port] as Heard })),
  fc.uint8Array({ maxLength: 200 }).map((bits) => {
    const bytes = new Uint8Array(5 + bits.length);
    bytes.set(bits, writeBitfieldHeader(bytes, 0, bits.length));
    return { bytes, heard: ['bitfield', bits] as Heard };
  }),
  fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 300 })).map(([extension, payload]) => ({
    bytes: encodeExtended(extension, payload),
    heard: ['extended', extension, payload] as Heard,
  })),
  fc.tuple(uint32, uint32, fc.uint8Array({ minLength: 1, maxLength: 300 })).map(([piece, begin, data]) => {
    const at = { piece, begin, length: data.length };
    const bytes = new Uint8Array(13 + data.length);
    bytes.set(data, writeBlockHeader(bytes, 0, at));
    return { bytes, heard: ['block', at, data] as Heard };
  }),
  // Of messages that nobody knows nothing is heard.
  fc
    .uint8Array({ maxLength: 50 })
    .map((rest) => ({ bytes: Uint8Array.of(0, 0, 0, 1 + rest.length, 99, ...rest), heard: undefined })),
);

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function parserAfterHandshake(): { parser: PeerWireParser; recorder: Recorder } {
  const recorder = new Recorder();
  const parser = new PeerWireParser(recorder);
  parser.push(encodeHandshake(handshake));
  recorder.heard.length = 0;
  return { parser, recorder };
}

function refusal(act: () => void): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof PeerWireError, String(error));
    return error.code;
  }
  return 'read';
}

describe('A handshake', () => {
  it('is 68 bytes that say the same when they are read', () => {
    for (const features of [handshake.features, { extended: false, fast: false, dht: true }]) {
      const bytes = encodeHandshake({ ...handshake, features });
      assert.equal(bytes.length, 68);
      assert.deepEqual(readHandshake(bytes, 0), { ...handshake, features });
    }
  });

  it('is known by its first bytes', () => {
    const bytes = encodeHandshake(handshake);
    for (let count = 0; count <= 68; count++) assert.ok(mayBeHandshake(bytes, 0, count));
    for (let at = 0; at < 20; at++) {
      const other = bytes.slice();
      other[at] ^= 1;
      assert.equal(mayBeHandshake(other, 0, at), true);
      assert.equal(mayBeHandshake(other, 0, at + 1), false);
      assert.equal(
        refusal(() => readHandshake(other, 0)),
        'NOT_BITTORRENT',
      );
    }
  });

  it('that is none is refused at its first wrong byte', () => {
    const parser = new PeerWireParser(new Recorder());
    parser.push(Uint8Array.of(0x13));
    assert.equal(
      refusal(() => parser.push(new TextEncoder().encode('GET / HTTP/1.1'))),
      'NOT_BITTORRENT',
    );
  });
});

describe('The parser of the peer wire', () => {
  it('hears every message in order, cut wherever', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), fc.array(fc.nat(400), { maxLength: 40 }), (messages, cuts) => {
        const recorder = new Recorder();
        const parser = new PeerWireParser(recorder);
        const bytes = concat([encodeHandshake(handshake), ...messages.map((one) => one.bytes)]);
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          // The chunk is overwritten afterwards, as a buffer that is used again would be.
          const chunk = bytes.slice(at, at + cut);
          parser.push(chunk);
          chunk.fill(0xee);
          at = Math.min(at + cut, bytes.length);
        }
        assert.deepEqual(recorder.heard, [
          ['handshake', handshake],
          ...messages.flatMap(({ heard }) => (heard ? [heard] : [])),
        ]);
      }),
      { numRuns: 500 },
    );
  });

  it('hands the bytes of a block on where they lie', () => {
    const { parser } = parserAfterHandshake();
    const bytes = new Uint8Array(13 + 1000);
    writeBlockHeader(bytes, 0, { piece: 1, begin: 2, length: 1000 });
    const seen: Uint8Array[] = [];
    const views = new PeerWireParser(
      Object.assign(new Recorder(), { blockPart: (_: Block, __: number, part: Uint8Array) => seen.push(part) }),
    );
    views.push(encodeHandshake(handshake));
    views.push(bytes.subarray(0, 500));
    views.push(bytes.subarray(500));
    assert.deepEqual(
      seen.map((part) => [part.buffer === bytes.buffer, part.byteOffset, part.length]),
      [
        [true, 13, 487],
        [true, 500, 513],
      ],
    );
    parser.push(bytes);
  });

  it('goes on behind bytes of a block that somebody else put in their place', () => {
    const { parser, recorder } = parserAfterHandshake();
    const block = { piece: 1, begin: 2, length: 1000 };
    const head = new Uint8Array(13);
    writeBlockHeader(head, 0, block);
    parser.push(head);
    assert.deepEqual(parser.arriving, { block, offset: 0 });
    parser.skip(600);
    assert.deepEqual(parser.arriving, { block, offset: 600 });
    assert.throws(() => parser.skip(401), RangeError);
    parser.skip(400);
    assert.equal(parser.arriving, undefined);
    assert.throws(() => parser.skip(1), RangeError);
    parser.push(Uint8Array.of(0, 0, 0, 1, 2));
    assert.deepEqual(recorder.heard, [['interested']]);
  });

  it('refuses what is longer than it may be before a byte of it came', () => {
    const head = (length: number, id: number) => {
      const bytes = new Uint8Array(5);
      new DataView(bytes.buffer).setUint32(0, length);
      bytes[4] = id;
      return refusal(() => parserAfterHandshake().parser.push(bytes));
    };
    assert.equal(head(0xffffffff, 7), 'BLOCK_TOO_LONG');
    assert.equal(head(10 + MAX_BLOCK_BYTES, 7), 'BLOCK_TOO_LONG');
    assert.equal(head(9 + MAX_BLOCK_BYTES, 7), 'read');
    assert.equal(head(0x80000000, 20), 'MESSAGE_TOO_LONG');
    assert.equal(head(3 + MAX_EXTENDED_BYTES, 20), 'MESSAGE_TOO_LONG');
    assert.equal(head(2 + MAX_EXTENDED_BYTES, 20), 'read');
    assert.equal(head(2 + MAX_BITFIELD_BYTES, 5), 'MESSAGE_TOO_LONG');
    assert.equal(head(MAX_UNKNOWN_BYTES + 1, 99), 'MESSAGE_TOO_LONG');
    assert.equal(head(14, 6), 'MESSAGE_TOO_LONG');
    for (const [length, id] of [
      [9, 7],
      [1, 7],
      [4, 4],
      [1, 4],
      [12, 6],
      [2, 9],
      [1, 20],
    ]) {
      assert.equal(head(length, id), 'MESSAGE_LENGTH', `${length} ${id}`);
    }
  });

  it('takes room for what arrived, not for what is said to come', () => {
    const { parser } = parserAfterHandshake();
    const before = process.memoryUsage().arrayBuffers;
    const parsers = Array.from({ length: 1000 }, () => {
      const one = parserAfterHandshake().parser;
      one.push(Uint8Array.of(0, 2, 0, 2, 20, 0));
      return one;
    });
    assert.ok(process.memoryUsage().arrayBuffers - before < 10_000_000, `${parsers.length}`);
    parser.push(Uint8Array.of(0, 0, 0, 0));
  });

  it('reads or refuses whatever comes, and nothing escapes but its own error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }), (chunks) => {
        const { parser } = parserAfterHandshake();
        refusal(() => {
          for (const chunk of chunks) parser.push(chunk);
        });
      }),
      { numRuns: 1000 },
    );
  });
});
