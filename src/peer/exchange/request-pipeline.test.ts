import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_PIECE_LENGTH } from '../../bittorrent/content-layout.ts';
import { BLOCK_BYTES } from '../../bittorrent/peer-wire.ts';
import {
  FIRST_PIPELINE_BYTES,
  LEAST_PIPELINE_BYTES,
  MAX_PIPELINE_BYTES,
  RequestPipeline,
  STALL_MS,
} from './request-pipeline.ts';
import { MAX_QUEUED_REQUESTS, UploadQueue } from './upload-queue.ts';

const block = (piece: number, at: number, length = BLOCK_BYTES) => ({ piece, begin: at * BLOCK_BYTES, length });

describe('The pipeline of requests', () => {
  it('begins with 128 blocks, and is filled again when it is half empty', () => {
    const pipeline = new RequestPipeline(1000);
    assert.equal(pipeline.room(undefined, BLOCK_BYTES) / BLOCK_BYTES, 128);
    for (let at = 0; at < 128; at++) pipeline.add(0, block(0, at));
    for (let at = 0; at < 63; at++) pipeline.remove(block(0, at));
    assert.equal(pipeline.room(undefined, BLOCK_BYTES), 0);
    pipeline.remove(block(0, 63));
    assert.equal(pipeline.room(undefined, BLOCK_BYTES), FIRST_PIPELINE_BYTES / 2);
  });

  it('follows the speed of the peer within its bounds, and never asks for more than the peer keeps', () => {
    const pipeline = new RequestPipeline(10_000);
    assert.equal(pipeline.room(0, BLOCK_BYTES), LEAST_PIPELINE_BYTES);
    assert.equal(pipeline.room(1e6, BLOCK_BYTES), 2e6);
    assert.equal(pipeline.room(1e9, BLOCK_BYTES), MAX_PIPELINE_BYTES);
    pipeline.maxRequests = 4;
    assert.equal(pipeline.room(1e9, BLOCK_BYTES), 4 * BLOCK_BYTES);
    assert.equal(pipeline.room(1e9, 8 * BLOCK_BYTES), 32 * BLOCK_BYTES);
    for (let at = 0; at < 4; at++) pipeline.add(0, block(0, at));
    assert.equal(pipeline.room(1e9, BLOCK_BYTES), 0);
  });

  it('stalls when something is waited for and nothing comes', () => {
    const pipeline = new RequestPipeline(10);
    assert.equal(pipeline.isStalled(1e9), false);
    pipeline.add(1000, block(0, 0));
    pipeline.add(5000, block(0, 1));
    assert.equal(pipeline.isStalled(1000 + STALL_MS - 1), false);
    assert.equal(pipeline.isStalled(1000 + STALL_MS), true);
    pipeline.heard(2000 + STALL_MS);
    assert.equal(pipeline.isStalled(1000 + 2 * STALL_MS), false);
  });

  it('finds what it waits for within a block, and gives all of it back', () => {
    const pipeline = new RequestPipeline(10);
    const run = block(1, 2, 2 * BLOCK_BYTES);
    for (const one of [block(0, 0), block(1, 1), run, block(1, 4)]) pipeline.add(0, one);
    assert.deepEqual(pipeline.within({ piece: 1, begin: BLOCK_BYTES, length: 3 * BLOCK_BYTES }), [block(1, 1), run]);
    assert.equal(pipeline.remove(block(1, 2)), false, 'asked for with another length');
    assert.equal(
      pipeline.has({ piece: 0, begin: MAX_PIECE_LENGTH + BLOCK_BYTES, length: BLOCK_BYTES }),
      false,
      'behind the piece',
    );
    assert.equal(pipeline.bytes, 5 * BLOCK_BYTES);
    assert.equal(pipeline.clear().length, 4);
    assert.deepEqual([pipeline.bytes, pipeline.requests], [0, 0]);
  });
});

describe('The queue of uploads', () => {
  it('gives each request once, those that lie together in one run', () => {
    const queue = new UploadQueue();
    for (const one of [block(0, 0), block(0, 1), block(0, 1), block(0, 3), block(1, 4)]) assert.ok(queue.add(one));
    assert.deepEqual(queue.takeRun(1e9), [block(0, 0), block(0, 1)]);
    assert.deepEqual(queue.takeRun(1e9), [block(0, 3)]);
    assert.equal(queue.cancel(block(0, 3)), false);
    assert.equal(queue.cancel(block(1, 4)), true);
    assert.deepEqual(queue.takeRun(1e9), []);
  });

  it('gives runs no longer than asked for, but one request at least, and loses none', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(5)), { maxLength: 30 }), fc.nat(5), (list, blocks) => {
        const queue = new UploadQueue();
        const unique = new Set<string>();
        for (const [piece, at] of list) {
          queue.add(block(piece, at));
          unique.add(`${piece} ${at * BLOCK_BYTES}`);
        }
        const taken: string[] = [];
        while (queue.size > 0) {
          const run = queue.takeRun(blocks * BLOCK_BYTES);
          assert.ok(run.length >= 1 && run.length <= Math.max(1, blocks));
          for (const { piece, begin } of run) taken.push(`${piece} ${begin}`);
        }
        assert.deepEqual(taken, [...unique]);
      }),
    );
  });

  it('is bounded', () => {
    const queue = new UploadQueue();
    for (let at = 0; at < MAX_QUEUED_REQUESTS; at++) assert.ok(queue.add(block(0, at)));
    assert.equal(queue.add(block(1, 0)), false);
    assert.equal(queue.add(block(0, 0)), true, 'it is there already');
    assert.equal(queue.clear().length, MAX_QUEUED_REQUESTS);
  });
});
