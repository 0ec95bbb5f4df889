import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { FramedConnection } from './frames.ts';

/** A connection whose incoming bytes the test hands over, and whose outgoing bytes it sees. */
function connection(maxFrameBytes: number, onFrame: (framed: FramedConnection) => void = () => {}) {
  const frames: { kind: number; body: Buffer }[] = [];
  const ended: string[] = [];
  const written: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      written.push(Buffer.from(chunk));
      done();
    },
  });
  Object.assign(socket, { setNoDelay: () => socket });
  const framed = new FramedConnection(socket as unknown as Socket, maxFrameBytes, {
    frame: (kind, body) => {
      frames.push({ kind, body: Buffer.from(body) });
      onFrame(framed);
    },
    drained: () => {},
    ended: (reason) => ended.push(reason),
  });
  const receive = (bytes: Uint8Array) => socket.emit('data', bytes);
  return { framed, frames, ended, written, receive };
}

test('frames arrive whole and in order, wherever the network cuts their bytes', () => {
  const frame = fc.record({ kind: fc.nat({ max: 255 }), body: fc.uint8Array({ maxLength: 40_000, size: 'max' }) });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 20 }),
      (sent, cuts) => {
        const from = connection(1);
        for (const { kind, body } of sent) from.framed.send(kind, new Uint8Array(body));
        const bytes = Buffer.concat(from.written);
        const to = connection(40_001);
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = cuts[i % cuts.length];
          to.receive(bytes.subarray(at, at + length));
          at += length;
        }
        assert.deepEqual(
          to.frames,
          sent.map(({ kind, body }) => ({ kind, body: Buffer.from(body) })),
        );
        assert.deepEqual(to.ended, []);
      },
    ),
    { numRuns: 50 },
  );
});

test('a frame beyond the bound ends the connection by its length alone', () => {
  for (const length of [0, 11, 0xffff_ffff]) {
    const { receive, ended, frames } = connection(10);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    receive(head);
    assert.deepEqual(ended, ['protocol']);
    receive(Buffer.alloc(100));
    assert.deepEqual(frames, []);
  }
});

test('a longer bound holds from the next frame on', () => {
  const from = connection(1);
  from.framed.send(1, Buffer.alloc(5));
  from.framed.send(2, Buffer.alloc(50));
  const later: number[] = [];
  const handler = { frame: (kind: number) => later.push(kind), drained: () => {}, ended: () => {} };
  const { receive, frames } = connection(10, (framed) => framed.promote(51, handler));
  receive(Buffer.concat(from.written));
  assert.equal(frames.length, 1);
  assert.deepEqual(later, [2]);
});
