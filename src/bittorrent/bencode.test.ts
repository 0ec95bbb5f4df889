import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BencodeDictionary,
  BencodeError,
  type BencodeInput,
  type BencodeValue,
  DEFAULT_MAX_BYTES,
  DEFAULT_MAX_DEPTH,
  decode,
  decodeDictionary,
  decodePrefix,
  encode,
  MAX_INTEGER_DIGITS,
  MAX_KEY_BYTES,
} from './bencode.ts';

/** One character a byte, both ways, so that encodings can be read in this file. */
const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const textOf = (bytes: Uint8Array) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

function failure(text: string, options = {}): { code: string; offset: number } {
  try {
    decode(bytesOf(text), options);
  } catch (error) {
    assert.ok(error instanceof BencodeError, String(error));
    return { code: error.code, offset: error.offset };
  }
  return assert.fail(`decoded: ${text}`);
}

/** Decoded values with maps in place of dictionaries, which deepEqual can look into. */
function plain(value: BencodeValue): unknown {
  if (value instanceof BencodeDictionary) return new Map([...value].map(([key, item]) => [key, plain(item)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

/** What an input becomes when it is decoded again. */
function decodedForm(value: BencodeInput): unknown {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(decodedForm);
  if (typeof value === 'number') return value + 0;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return new Map(
    entries
      .filter(([, item]) => item !== undefined)
      .map(([key, item]): [string, unknown] => [key, decodedForm(item)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

const key = fc.string({ unit: fc.nat(0xff).map((code) => String.fromCharCode(code)), maxLength: 20 });
const { input } = fc.letrec<{ input: BencodeInput }>((tie) => ({
  input: fc.oneof(
    { depthSize: 'small' },
    fc.maxSafeInteger(),
    fc.bigInt(),
    fc.uint8Array({ maxLength: 30 }),
    fc.string({ unit: 'grapheme', maxLength: 10 }),
    fc.array(tie('input'), { maxLength: 6 }),
    fc.array(fc.tuple(key, tie('input')), { maxLength: 6 }).map((entries) => new Map(entries)),
    fc.dictionary(key, fc.option(tie('input'), { nil: undefined }), { maxKeys: 6 }),
  ),
}));

test('values survive encoding and decoding, and the encoding is canonical', () => {
  fc.assert(
    fc.property(input, (value) => {
      const bytes = encode(value);
      const decoded = decode(bytes);
      assert.deepEqual(plain(decoded), decodedForm(value));
      assert.deepEqual(encode(decoded), bytes);
    }),
    { numRuns: 500 },
  );
});

test('whatever is decoded is encoded to the same bytes; anything else is a BencodeError', () => {
  const token = fc.oneof(
    fc.constantFrom('i', 'l', 'd', 'e', '0:', '1:a', '1:b', 'i0e', 'i-1e', 'le', 'de', 'd1:a', '-', '0', '3', ':'),
    fc.uint8Array({ maxLength: 3 }).map(textOf),
  );
  const noise = fc.array(token, { maxLength: 12 }).map((tokens) => bytesOf(tokens.join('')));
  const damaged = fc.tuple(input, fc.nat(), fc.nat(0xff), fc.boolean()).map(([value, at, byte, cut]) => {
    const bytes = encode(value);
    if (cut) return bytes.subarray(0, at % bytes.length);
    bytes[at % bytes.length] = byte;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(noise, damaged, fc.uint8Array()), (bytes) => {
      let value: BencodeValue;
      try {
        value = decode(bytes);
      } catch (error) {
        assert.ok(error instanceof BencodeError, String(error));
        assert.ok(error.offset >= 0 && error.offset <= bytes.length);
        return;
      }
      assert.deepEqual(encode(value), Uint8Array.from(bytes));
    }),
    { numRuns: 10_000 },
  );
});

test('the examples of BEP 3 are decoded', () => {
  assert.equal(textOf(decode(bytesOf('4:spam')) as Uint8Array), 'spam');
  assert.equal(decode(bytesOf('i3e')), 3);
  assert.equal(decode(bytesOf('i-3e')), -3);
  assert.equal(decode(bytesOf('i0e')), 0);
  assert.deepEqual(decode(bytesOf('l4:spam4:eggse')), [bytesOf('spam'), bytesOf('eggs')]);
  const dictionary = decodeDictionary(bytesOf('d3:cow3:moo4:spaml1:a1:bee'));
  assert.deepEqual(
    [...dictionary],
    [
      ['cow', bytesOf('moo')],
      ['spam', [bytesOf('a'), bytesOf('b')]],
    ],
  );
});

test('integers are exact: numbers while safe, bigints beyond', () => {
  for (const [text, value] of [
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['9007199254740992', 9007199254740992n],
    ['9007199254740993', 9007199254740993n],
    ['-18446744073709551615', -18446744073709551615n],
    ['1000000000000000', 1e15],
  ] as const) {
    assert.strictEqual(decode(bytesOf(`i${text}e`)), value);
    assert.equal(textOf(encode(value)), `i${text}e`);
  }
});

test('malformed integers are refused', () => {
  const unexpected = (offset: number) => ({ code: 'UNEXPECTED_BYTE', offset });
  const invalid = { code: 'INVALID_INTEGER', offset: 0 };
  for (const text of ['i00e', 'i01e', 'i-0e', 'i-01e', `i${'1'.repeat(MAX_INTEGER_DIGITS + 1)}e`]) {
    assert.deepEqual(failure(text), invalid, text);
  }
  assert.deepEqual(failure('ie'), unexpected(1));
  assert.deepEqual(failure('i-e'), unexpected(2));
  assert.deepEqual(failure('i--1e'), unexpected(2));
  assert.deepEqual(failure('i+1e'), unexpected(1));
  assert.deepEqual(failure('i1.5e'), unexpected(2));
  assert.deepEqual(failure('i 1e'), unexpected(1));
  assert.deepEqual(failure('i12'), { code: 'UNEXPECTED_END', offset: 3 });
  assert.deepEqual(failure('i'), { code: 'UNEXPECTED_END', offset: 1 });
});

test('malformed strings are refused, and a length beyond the input before anything is allocated', () => {
  for (const text of ['00:', '01:a', '2:a', '99999999999999999999:a', '9'.repeat(1000), '1:', '5']) {
    assert.equal(failure(text).code, 'INVALID_LENGTH', text);
  }
  assert.deepEqual(failure('1a'), { code: 'UNEXPECTED_BYTE', offset: 1 });
  assert.deepEqual(failure('0'), { code: 'UNEXPECTED_END', offset: 1 });
  assert.deepEqual(failure(''), { code: 'UNEXPECTED_END', offset: 0 });
  assert.deepEqual(failure('-1:a'), { code: 'UNEXPECTED_BYTE', offset: 0 });
});

test('dictionaries have string keys, sorted by raw bytes, each once, each with a value', () => {
  assert.deepEqual(failure('d1:bi0e1:ai0ee'), { code: 'UNSORTED_KEY', offset: 7 });
  assert.deepEqual(failure('d1:ai0e1:ai0ee'), { code: 'DUPLICATE_KEY', offset: 7 });
  assert.deepEqual(failure('d2:aai0e1:ai0ee').code, 'UNSORTED_KEY');
  assert.deepEqual(failure('d1:\xffi0e1:ai0ee').code, 'UNSORTED_KEY');
  assert.deepEqual(failure('di1ei2ee'), { code: 'UNEXPECTED_BYTE', offset: 1 });
  assert.deepEqual(failure('d1:ae'), { code: 'UNEXPECTED_BYTE', offset: 4 });
  assert.deepEqual(failure('d1:a'), { code: 'UNEXPECTED_END', offset: 4 });
  assert.deepEqual(failure('d').code, 'UNEXPECTED_END');
  assert.equal(failure(`d${MAX_KEY_BYTES + 1}:${'k'.repeat(MAX_KEY_BYTES + 1)}i0ee`).code, 'INVALID_KEY');
});

test('bytes behind the value are refused by decode and located by decodePrefix', () => {
  assert.deepEqual(failure('i1ei2e'), { code: 'TRAILING_BYTES', offset: 3 });
  assert.deepEqual(decodePrefix(bytesOf('i1epiece')), { value: 1, end: 3 });
  assert.deepEqual(failure('e'), { code: 'UNEXPECTED_BYTE', offset: 0 });
});

test('size, depth and number of values are bounded', () => {
  assert.throws(() => decode(new Uint8Array(DEFAULT_MAX_BYTES + 1)), { code: 'TOO_LARGE' });
  assert.equal(failure('4:spam', { maxBytes: 5 }).code, 'TOO_LARGE');
  const nested = (depth: number) => 'l'.repeat(depth) + 'e'.repeat(depth);
  assert.ok(decode(bytesOf(nested(DEFAULT_MAX_DEPTH))));
  assert.deepEqual(failure(nested(DEFAULT_MAX_DEPTH + 1)), { code: 'TOO_DEEP', offset: DEFAULT_MAX_DEPTH });
  assert.deepEqual(failure(nested(1_000_000), { maxDepth: 3 }), { code: 'TOO_DEEP', offset: 3 });
  assert.deepEqual(failure('li1ei2ee', { maxValues: 2 }), { code: 'TOO_MANY_VALUES', offset: 4 });
  assert.deepEqual(decode(bytesOf('li1ei2ee'), { maxValues: 3 }), [1, 2]);
});

test('whatever the depth allowed, the call stack does not overflow', () => {
  const depth = 1_000_000;
  const { end } = decodePrefix(bytesOf('l'.repeat(depth) + 'e'.repeat(depth)), { maxDepth: depth });
  assert.equal(end, 2 * depth);
});

test('the span of a value is its original bytes, so that the info-hash can be taken of them', () => {
  fc.assert(
    fc.property(fc.dictionary(key, input), (dictionary) => {
      const decoded = decodeDictionary(encode(dictionary));
      assert.equal(decoded.size, Object.keys(dictionary).length);
      for (const [name, value] of Object.entries(dictionary)) {
        assert.ok(decoded.has(name));
        assert.deepEqual(decoded.span(name), encode(value));
        assert.deepEqual(encode(decoded.get(name)!), encode(value));
      }
    }),
  );
  const info = 'd6:lengthi3e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae';
  const torrent = decodeDictionary(bytesOf(`d8:announce3:udp4:info${info}e`));
  const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex');
  assert.equal(sha1(torrent.span('info')!), sha1(bytesOf(info)));
  assert.equal(torrent.span('infos'), undefined);
  assert.equal(torrent.get('inf'), undefined);
});

test('strings are views of the input, not copies', () => {
  const bytes = bytesOf('l4:spame');
  const [spam] = decode(bytes) as [Uint8Array];
  assert.equal(spam.buffer, bytes.buffer);
  assert.equal(spam.byteOffset, 3);
});

test('an input that is itself a view is decoded by its own bytes', () => {
  const whole = bytesOf('xxd1:ai1eexx');
  const dictionary = decodeDictionary(whole.subarray(2, -2));
  assert.equal(textOf(dictionary.span('a')!), 'i1e');
});

test('a value that is no dictionary is refused where one is expected', () => {
  assert.throws(() => decodeDictionary(bytesOf('le')), { code: 'NOT_A_DICTIONARY' });
});

test('where it is allowed keys stand in any order, and mean the same with the bytes of their values', () => {
  const shuffled = fc
    .uniqueArray(fc.tuple(key, input), { maxLength: 8, selector: ([name]) => name })
    .chain((entries) => fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })));
  fc.assert(
    fc.property(shuffled, ([entries, mixed]) => {
      const parts = mixed.map(([name, value]) => `${name.length}:${name}${textOf(encode(value))}`);
      const written = bytesOf(`d${parts.join('')}e`);
      const dictionary = decodeDictionary(written, { anyOrder: true });
      assert.deepEqual(encode(dictionary), encode(new Map(entries)));
      for (const [name, value] of entries) assert.deepEqual(dictionary.span(name), encode(value));
    }),
  );
});

test('the items of one list are handed over as they come, and are not in the value', () => {
  const bytes = encode({ info: { files: [{ length: 1 }, [2], 'x'], name: 'n' }, files: [3] });
  const taken: unknown[] = [];
  const value = decodeDictionary(bytes, { items: { path: ['info', 'files'], take: (item) => taken.push(item) } });
  const info = value.get('info') as BencodeDictionary;
  assert.deepEqual(info.get('files'), []);
  assert.deepEqual(info.span('files'), encode([{ length: 1 }, [2], 'x']));
  assert.deepEqual(value.get('files'), [3]);
  assert.equal((taken[0] as BencodeDictionary).get('length'), 1);
  assert.deepEqual(taken.slice(1), [[2], new TextEncoder().encode('x')]);
});

test('an item that is read otherwise is not decoded', () => {
  const bytes = encode({ list: [{ a: 1 }, [2], 'x'] });
  const taken: unknown[] = [];
  // The list within it, 5 bytes long.
  const read = (at: number) => (bytes[at] === 0x6c ? at + 5 : undefined);
  decodeDictionary(bytes, { items: { path: ['list'], take: (item) => taken.push(item), read } });
  assert.equal(taken.length, 2);
  assert.deepEqual(taken[1], new TextEncoder().encode('x'));
});

test('a key that stands twice means nothing clear, in whatever order', () => {
  for (const text of ['d1:ai0e1:ai1ee', 'd1:bi0e1:ai0e1:bi0ee', 'd1:ci0e1:ai0e1:bi0e1:ai1ee']) {
    assert.equal(failure(text, { anyOrder: true }).code, 'DUPLICATE_KEY', text);
  }
  assert.equal(failure('ld1:bi0e1:ai0eei01ee', { anyOrder: true }).code, 'INVALID_INTEGER');
});

test('keys are encoded in the order of their bytes, undefined values are left out', () => {
  assert.equal(
    textOf(encode({ b: 1, a: 'é', '\xff': [], '': {}, aa: undefined })),
    'd0:de1:a2:\xc3\xa91:bi1e1:\xffle' + 'e',
  );
  assert.equal(textOf(encode(-0)), 'i0e');
});

test('what has no canonical encoding is refused', () => {
  const codes = { NOT_ENCODABLE: [0.5, Number.NaN, 2 ** 53, '\ud800', null, true, undefined, new Date(), [undefined]] };
  for (const value of codes.NOT_ENCODABLE) {
    assert.throws(() => encode(value as BencodeInput), { name: 'BencodeError', code: 'NOT_ENCODABLE' });
  }
  assert.throws(() => encode(10n ** BigInt(MAX_INTEGER_DIGITS)), { code: 'NOT_ENCODABLE' });
  assert.throws(() => encode({ '\u0100': 1 }), { code: 'INVALID_KEY' });
  assert.throws(() => encode({ ['k'.repeat(MAX_KEY_BYTES + 1)]: 1 }), { code: 'INVALID_KEY' });
  const circle: BencodeInput[] = [];
  circle.push(circle);
  assert.throws(() => encode(circle), { code: 'TOO_DEEP' });
});
