import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BLOCK_BYTES } from '../../bittorrent/peer-wire.ts';
import { Blame, MAX_SUSPECT_BLOCKS } from './blame.ts';

const blame = () => new Blame<string>((block) => createHash('sha1').update(block).digest('base64'));

describe('Blame', () => {
  it('falls at once on who sent a whole wrong piece alone', () => {
    assert.deepEqual(blame().wrong(0, new Uint8Array(40_000), ['a', 'a', 'a']), ['a']);
  });

  it('falls on those whose blocks differ from the right ones, when the piece came right, and on nobody else', () => {
    const blocks = 4;
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: blocks, maxLength: blocks }),
        fc.nat(14),
        (senders, mask) => {
          const right = new Uint8Array(blocks * BLOCK_BYTES - 100).fill(1);
          const wrong = right.slice();
          const liars = new Set<string>();
          for (let block = 0; block < blocks; block++) {
            if ((mask & (1 << block)) === 0) continue;
            wrong[block * BLOCK_BYTES + 7] = 2;
            liars.add(senders[block]);
          }
          if (liars.size === 0) return;
          const judge = blame();
          const alone = new Set(senders).size === 1;
          assert.deepEqual(judge.wrong(5, wrong, senders), alone ? [senders[0]] : []);
          assert.deepEqual(new Set(judge.right(5, right)), alone ? new Set() : liars);
          assert.deepEqual(judge.right(5, right), []);
          assert.equal(judge.suspectBlocks, 0);
        },
      ),
    );
  });

  it('keeps a bounded number of blocks', () => {
    const judge = blame();
    for (let piece = 0; piece < 50_000; piece++) judge.wrong(piece, new Uint8Array(2), ['a', 'b']);
    assert.equal(judge.suspectBlocks, MAX_SUSPECT_BLOCKS);
  });
});
