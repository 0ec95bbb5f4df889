import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  BATCH_HEADER_BYTES,
  BATCH_VERSION,
  BatchError,
  BatchWriter,
  batchTime,
  FLAG_COMPLETED,
  FLAG_IPV6,
  MAX_NAME_BYTES,
  MAX_OPERATION_BYTES,
  OP_ADMISSION_ADD,
  OP_ADMISSION_MODE,
  OP_ADMISSION_REMOVE,
  OP_ANNOUNCE,
  OP_CONTENT,
  OP_EXPIRE,
  OP_FORGET,
  OP_SECRET,
  OP_STOP,
  OP_TOUCH,
  operationLength,
  PEER_ADDRESS,
  PEER_FLAGS,
  PEER_INFO_HASH,
  viewOf,
} from './operations.ts';

const padded = (bytes: Uint8Array) => Uint8Array.of(9, 9, ...bytes);
const HASH = Uint8Array.from({ length: 20 }, (_, i) => i + 1);
const IPV4 = Uint8Array.of(192, 0, 2, 1, 0x1a, 0xe1);
const IPV6 = Uint8Array.from({ length: 18 }, (_, i) => 0xf0 - i);

/** One operation of every kind, of both families where there are two. */
function everyOperation(): Uint8Array {
  const writer = new BatchWriter(4096);
  writer.peer(OP_ANNOUNCE, FLAG_COMPLETED, padded(HASH), 2, padded(IPV4), 2, 2 ** 53);
  writer.peer(OP_TOUCH, FLAG_IPV6, HASH, 0, IPV6, 0, 7);
  writer.stop(0, HASH, 0, IPV4, 0);
  writer.stop(FLAG_IPV6, HASH, 0, IPV6, 0);
  writer.expire(0, HASH, 0, IPV4, 0, 0xffff_fffe);
  writer.expire(FLAG_IPV6, HASH, 0, IPV6, 0, 5);
  writer.content(HASH, 0, 2 ** 40, new TextEncoder().encode('Größe'));
  writer.content(HASH, 0, -1, new Uint8Array(MAX_NAME_BYTES));
  writer.forget(HASH, 0);
  writer.admissionMode(2);
  writer.admission(OP_ADMISSION_ADD, 1, HASH);
  writer.admission(OP_ADMISSION_REMOVE, 2, HASH);
  writer.secret(Uint8Array.from({ length: 16 }, (_, i) => 100 + i));
  assert.equal(writer.operations, 13);
  return writer.take(1_234_567.5);
}

function offsets(batch: Uint8Array): number[] {
  const list: number[] = [];
  for (let at = BATCH_HEADER_BYTES; at < batch.length; at += operationLength(batch, at)) list.push(at);
  return list;
}

describe('a batch of operations', () => {
  it('holds the operations back to back, each as long as its code and family say', () => {
    const batch = everyOperation();
    const at = offsets(batch);
    assert.deepEqual(
      at.map((start) => batch[start]),
      [
        OP_ANNOUNCE,
        OP_TOUCH,
        OP_STOP,
        OP_STOP,
        OP_EXPIRE,
        OP_EXPIRE,
        OP_CONTENT,
        OP_CONTENT,
        OP_FORGET,
        OP_ADMISSION_MODE,
        OP_ADMISSION_ADD,
        OP_ADMISSION_REMOVE,
        OP_SECRET,
      ],
    );
    const lengths = at.map((start, i) => (at[i + 1] ?? batch.length) - start);
    assert.deepEqual(lengths, [36, 48, 28, 40, 32, 44, 37, 285, 21, 2, 22, 22, 17]);
    for (const length of lengths) assert.ok(length <= MAX_OPERATION_BYTES);
  });

  it('keeps every field where the table says', () => {
    const batch = everyOperation();
    const view = viewOf(batch);
    const [announce, touch, , , expire4, , content] = offsets(batch);
    assert.equal(batch[announce + PEER_FLAGS], FLAG_COMPLETED);
    assert.deepEqual(batch.slice(announce + PEER_INFO_HASH, announce + PEER_ADDRESS), HASH);
    assert.deepEqual(batch.slice(announce + PEER_ADDRESS, announce + PEER_ADDRESS + 6), IPV4);
    assert.equal(view.getFloat64(announce + 28, true), 2 ** 53);
    assert.deepEqual(batch.slice(touch + PEER_ADDRESS, touch + PEER_ADDRESS + 18), IPV6);
    assert.equal(view.getFloat64(touch + 40, true), 7);
    assert.equal(view.getUint32(expire4 + 28, true), 0xffff_fffe);
    assert.deepEqual(batch.slice(content + 1, content + 21), HASH);
    assert.equal(view.getFloat64(content + 21, true), 2 ** 40);
    assert.equal(new TextDecoder().decode(batch.subarray(content + 30, content + 30 + batch[content + 29])), 'Größe');
  });

  it('carries the cluster time', () => {
    assert.equal(batchTime(everyOperation()), 1_234_567.5);
    assert.equal(everyOperation()[0], BATCH_VERSION);
  });

  it('reads the same as part of a larger buffer', () => {
    const batch = everyOperation();
    const inside = padded(batch).subarray(2);
    assert.equal(batchTime(inside), 1_234_567.5);
    assert.deepEqual(offsets(inside), offsets(batch));
  });

  it('is refused when it is cut off anywhere within an operation', () => {
    const batch = everyOperation();
    const starts = new Set([...offsets(batch), batch.length]);
    for (let length = BATCH_HEADER_BYTES; length < batch.length; length++) {
      const cut = batch.slice(0, length);
      if (starts.has(length)) assert.doesNotThrow(() => offsets(cut));
      else assert.throws(() => offsets(cut), BatchError, `cut to ${length} bytes`);
    }
  });

  it('is refused without a header, of another version, or with an unknown operation', () => {
    const batch = everyOperation();
    assert.throws(() => batchTime(batch.slice(0, BATCH_HEADER_BYTES - 1)), /has no header/);
    assert.throws(() => batchTime(Uint8Array.of(BATCH_VERSION + 1, ...batch.slice(1))), /upgrade/);
    batch[BATCH_HEADER_BYTES] = 99;
    assert.throws(() => operationLength(batch, BATCH_HEADER_BYTES), {
      code: 'BAD_BATCH',
      message: /operation 99.*upgrade/,
    });
  });
});

describe('BatchWriter', () => {
  it('has room as long as any operation fits', () => {
    const writer = new BatchWriter(4 * MAX_OPERATION_BYTES);
    let written = 0;
    while (writer.hasRoom) {
      writer.content(HASH, 0, 1, new Uint8Array(MAX_NAME_BYTES));
      written++;
    }
    assert.equal(writer.operations, written);
    assert.equal(offsets(writer.take(0)).length, written);
  });

  it('starts the next batch empty and leaves the one before alone', () => {
    const writer = new BatchWriter(4096);
    writer.forget(HASH, 0);
    const first = writer.take(1);
    const copy = first.slice();
    assert.equal(writer.operations, 0);
    writer.admissionMode(1);
    const second = writer.take(2);
    assert.deepEqual(first, copy);
    assert.deepEqual(
      offsets(second).map((at) => second[at]),
      [OP_ADMISSION_MODE],
    );
  });

  it('refuses a name that is too long', () => {
    const writer = new BatchWriter(4096);
    assert.throws(() => writer.content(HASH, 0, 1, new Uint8Array(MAX_NAME_BYTES + 1)), RangeError);
    assert.equal(writer.operations, 0);
  });
});
