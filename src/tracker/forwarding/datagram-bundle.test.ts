import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DatagramSlots, ENDPOINT_BYTES, type IpFamily } from '../../net/datagram-slots.ts';
import { endpointHost, endpointPort, writeEndpoint } from '../../net/socket-address.ts';
import { BATCH_SLOTS, RECEIVE_STRIDE, SEND_STRIDE } from '../../net/udp-socket.ts';
import { BundleReader, BundleWriter, bundleCount } from './datagram-bundle.ts';
import { KIND_DATAGRAMS, KIND_REPLIES } from './forward-messages.ts';

interface Datagram {
  readonly host: string;
  readonly port: number;
  readonly bytes: Uint8Array;
  readonly tag: number;
}

const HEAD_BYTES = 4;

describe('a bundle of datagrams', () => {
  for (const family of [4, 6] as const) {
    test(`holds any datagrams of IPv${family} with their endpoints and tags, in order`, () => {
      fc.assert(
        fc.property(fc.array(datagram(family, RECEIVE_STRIDE), { maxLength: BATCH_SLOTS }), (datagrams) => {
          const bundle = write(new BundleWriter(KIND_DATAGRAMS, family), datagrams);
          assert.deepEqual([bundle[0], bundle[1], bundleCount(bundle)], [KIND_DATAGRAMS, family, datagrams.length]);
          assert.deepEqual(read(bundle), datagrams);
        }),
      );
    });
  }

  test('is the same wherever its bytes stand', () => {
    const datagrams = fc.sample(datagram(6, 200), 5);
    const bundle = write(new BundleWriter(KIND_REPLIES, 6), datagrams);
    for (let offset = 0; offset < 8; offset++) {
      const moved = new Uint8Array(bundle.length + 8).subarray(offset, offset + bundle.length);
      moved.set(bundle);
      assert.deepEqual(read(moved), datagrams);
    }
  });

  test('leaves nothing behind for the next one, however large it was', () => {
    const writer = new BundleWriter(KIND_DATAGRAMS, 4);
    const many = fc.sample(datagram(4, RECEIVE_STRIDE), BATCH_SLOTS);
    const [one] = fc.sample(datagram(4, 20), 1);
    const first = write(writer, many);
    const second = write(writer, [one]);
    assert.deepEqual([writer.count, writer.bytes], [0, HEAD_BYTES]);
    assert.deepEqual(read(first), many);
    assert.deepEqual(read(second), [one]);
    assert.equal(second.buffer.byteLength, second.length);
  });

  test('that is damaged is read without harm: what comes out is whole datagrams, then a RangeError at most', () => {
    const damage = fc.record({ cut: fc.nat(), at: fc.nat(), byte: fc.nat(255) });
    const datagrams = fc.array(datagram(4, 100), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(datagrams, damage, (sent, { cut, at, byte }) => {
        const bundle = write(new BundleWriter(KIND_DATAGRAMS, 4), sent);
        bundle[at % bundle.length] = byte;
        const rest = bundle.slice(0, cut % (bundle.length + 1));
        try {
          for (const { bytes } of read(rest)) assert.ok(bytes.length <= RECEIVE_STRIDE);
        } catch (error) {
          assert.ok(error instanceof RangeError, String(error));
        }
      }),
    );
  });

  test('that is cut off gives the datagrams before the cut', () => {
    const sent = fc.sample(datagram(4, 100), 3);
    const bundle = write(new BundleWriter(KIND_DATAGRAMS, 4), sent);
    const reader = new BundleReader(bundle.slice(0, -4));
    const slots = new DatagramSlots(1, RECEIVE_STRIDE);
    reader.read(slots, 0);
    reader.read(slots, 0);
    assert.equal(reader.left, 1);
    assert.throws(() => reader.read(slots, 0), RangeError);
  });

  test('is none without a head, of half words, or of an unknown family', () => {
    for (const bytes of [[], [1, 4, 0], [1, 4, 0, 0, 0], [1, 5, 0, 0], [1, 0, 0, 0]]) {
      assert.throws(() => new BundleReader(Uint8Array.from(bytes)), RangeError);
    }
  });

  test('with a datagram that is longer than the slots of the reader is refused', () => {
    const [long] = fc.sample(datagram(4, RECEIVE_STRIDE, SEND_STRIDE + 1), 1);
    const reader = new BundleReader(write(new BundleWriter(KIND_REPLIES, 4), [long]));
    assert.throws(() => reader.read(new DatagramSlots(1, SEND_STRIDE), 0), RangeError);
  });
});

function datagram(family: IpFamily, longest: number, shortest = 0): fc.Arbitrary<Datagram> {
  const fields = {
    host: family === 4 ? fc.ipV4() : ipv6(),
    port: fc.nat(0xffff),
    bytes: fc.uint8Array({ minLength: shortest, maxLength: longest, size: 'max' }),
    tag: fc.nat(0xffff),
  };
  return fc.record(fields, { noNullPrototype: true });
}

/** As the endpoint's bytes are read, so that texts can be compared. */
function ipv6(): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((address) => {
    const endpoint = new Uint8Array(ENDPOINT_BYTES);
    endpoint.set(address, 8);
    return endpointHost(endpoint, 0, 6);
  });
}

function write(writer: BundleWriter, datagrams: readonly Datagram[]): Uint8Array {
  const slots = new DatagramSlots(BATCH_SLOTS, RECEIVE_STRIDE);
  for (const [slot, { host, port, bytes, tag }] of datagrams.entries()) {
    writeEndpoint(slots.endpoints, slot * ENDPOINT_BYTES, host.includes(':') ? 6 : 4, host, port);
    slots.bytes.set(bytes, slot * slots.stride);
    slots.lengths[slot] = bytes.length;
    writer.add(slots, slot, tag);
  }
  assert.equal(writer.count, datagrams.length);
  return writer.take();
}

/** @throws {RangeError} */
function read(bundle: Uint8Array): Datagram[] {
  const reader = new BundleReader(bundle);
  const slots = new DatagramSlots(2, RECEIVE_STRIDE);
  const datagrams: Datagram[] = [];
  while (reader.left > 0) {
    // Any slot but the first, so that it matters which.
    reader.read(slots, 1);
    const start = slots.stride;
    datagrams.push({
      host: endpointHost(slots.endpoints, ENDPOINT_BYTES, reader.family),
      port: endpointPort(slots.endpoints, ENDPOINT_BYTES),
      bytes: slots.bytes.slice(start, start + slots.lengths[1]),
      tag: reader.tag,
    });
  }
  return datagrams;
}
