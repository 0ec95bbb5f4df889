import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { MalformedError, WireReader, WireWriter } from './wire.ts';

const uuid = fc.uuid();
const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });

test('whatever is written is read back', () => {
  fc.assert(
    fc.property(
      fc.record({ member: uuid, boot: whole, nonce: whole }),
      fc.string({ maxLength: 15, unit: 'grapheme' }).filter((text) => Buffer.byteLength(text) <= 63),
      fc.oneof(fc.ipV4(), fc.ipV6()),
      fc.option(uuid),
      fc.nat({ max: 0xffff_ffff }),
      (incarnation, text, host, none, number) => {
        const writer = new WireWriter(256).incarnation(incarnation).text(text, 63).host(host).uuidOrNone(none);
        const { written } = writer
          .u8(number & 0xff)
          .u16(number & 0xffff)
          .u32(number);
        const reader = new WireReader(written);
        assert.deepEqual(reader.incarnation(), { ...incarnation });
        assert.equal(reader.text(63), text);
        const read = reader.host();
        assert.deepEqual(new WireWriter(32).host(read).written, new WireWriter(32).host(host).written);
        assert.equal(reader.uuidOrNone(), none);
        assert.deepEqual([reader.u8(), reader.u16(), reader.u32()], [number & 0xff, number & 0xffff, number]);
        reader.end();
      },
    ),
  );
});

test('bytes of any kind are read or refused as malformed, never anything else', () => {
  const reads: ((reader: WireReader) => unknown)[] = [
    (reader) => reader.incarnation(),
    (reader) => reader.text(63),
    (reader) => reader.host(),
    (reader) => reader.uuidOrNone(),
    (reader) => reader.end(),
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.array(fc.nat({ max: reads.length - 1 })), (bytes, order) => {
      const reader = new WireReader(bytes);
      try {
        for (const which of order) reads[which](reader);
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error));
      }
    }),
  );
});

test('what could not be read back is not written', () => {
  const writer = new WireWriter(64);
  assert.throws(() => writer.integer(2 ** 53), RangeError);
  assert.throws(() => writer.integer(-1), RangeError);
  assert.throws(() => writer.text('x'.repeat(64), 63), RangeError);
  assert.throws(() => writer.uuid('not-a-uuid'), RangeError);
  assert.throws(() => writer.host('localhost'), RangeError);
  assert.throws(
    () => writer.uuid(randomUUID()).uuid(randomUUID()).uuid(randomUUID()).uuid(randomUUID()).u8(1),
    RangeError,
  );
});
