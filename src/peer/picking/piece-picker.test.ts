import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { layOut } from '../../bittorrent/content-layout.ts';
import { BLOCK_BYTES, type Block } from '../../bittorrent/peer-wire.ts';
import { ActivePiece, MAX_REQUESTERS } from './active-piece.ts';
import { Bitfield } from './bitfield.ts';
import { PiecePicker, type PiecePickerOptions } from './piece-picker.ts';
import { RemotePieces } from './remote-pieces.ts';

const PIECE = 4 * BLOCK_BYTES;
const layoutOf = (size: number, pieceLength = PIECE) =>
  layOut('x', false, [{ path: ['x'], length: size, kind: 'file', executable: false }], pieceLength);
const some = (size: number, ...pieces: number[]) => {
  const field = new Bitfield(size);
  for (const piece of pieces) field.add(piece);
  return field;
};

function pickerOf(pieces: number, options: Partial<PiecePickerOptions> = {}): PiecePicker {
  return new PiecePicker({
    layout: layoutOf(pieces * PIECE),
    have: new Bitfield(pieces),
    random: () => 0.5,
    maxActive: 100,
    ...options,
  });
}
const pick = (
  picker: PiecePicker,
  peer: number,
  has: Bitfield,
  bytes = Number.POSITIVE_INFINITY,
  maxRequestBytes = BLOCK_BYTES,
) => picker.pick({ peer, has, bytes, maxRequestBytes });
const pieces = (blocks: Block[]) => [...new Set(blocks.map(({ piece }) => piece))];

function receive(picker: PiecePicker, peer: number, block: Block): number[] {
  const active = picker.active(block.piece);
  assert.ok(active);
  assert.ok(active.beginBlock(peer, block));
  return active.endBlock(peer, block);
}

describe('The picker', () => {
  it('asks for each block once, the last one short', () => {
    const picker = new PiecePicker({
      layout: layoutOf(PIECE + BLOCK_BYTES + 5),
      have: new Bitfield(2),
      random: Math.random,
      maxActive: 9,
      sequential: true,
    });
    assert.deepEqual(pick(picker, 1, Bitfield.full(2)), [
      { piece: 0, begin: 0, length: BLOCK_BYTES },
      { piece: 0, begin: BLOCK_BYTES, length: BLOCK_BYTES },
      { piece: 0, begin: 2 * BLOCK_BYTES, length: BLOCK_BYTES },
      { piece: 0, begin: 3 * BLOCK_BYTES, length: BLOCK_BYTES },
      { piece: 1, begin: 0, length: BLOCK_BYTES },
      { piece: 1, begin: BLOCK_BYTES, length: 5 },
    ]);
  });

  it('asks for longer runs of who answers them, and for no more bytes than told', () => {
    const picker = pickerOf(2, { sequential: true });
    assert.deepEqual(pick(picker, 1, Bitfield.full(2), 3 * BLOCK_BYTES, PIECE), [
      { piece: 0, begin: 0, length: 3 * BLOCK_BYTES },
    ]);
    assert.deepEqual(pick(picker, 1, Bitfield.full(2), PIECE, PIECE), [
      { piece: 0, begin: 3 * BLOCK_BYTES, length: BLOCK_BYTES },
      { piece: 1, begin: 0, length: 3 * BLOCK_BYTES },
    ]);
  });

  it('begins with the rarest piece, and goes on with what was begun', () => {
    const picker = pickerOf(4);
    for (const field of [some(4, 0, 1, 2, 3), some(4, 0, 1, 3), some(4, 0, 3)]) {
      const remote = new RemotePieces(4, picker);
      remote.set(field);
    }
    assert.deepEqual(pieces(pick(picker, 1, some(4, 0, 1), BLOCK_BYTES)), [1]);
    assert.deepEqual(pieces(pick(picker, 2, Bitfield.full(4), PIECE)), [1, 2]);
    assert.deepEqual(pieces(pick(picker, 3, some(4, 0, 3), BLOCK_BYTES)).length, 1);
  });

  it('takes pieces in their order when it is told to', () => {
    const picker = pickerOf(5, { sequential: true, have: some(5, 0) });
    assert.deepEqual(pieces(pick(picker, 1, some(5, 2, 4))), [2, 4]);
    assert.deepEqual(pieces(pick(picker, 2, Bitfield.full(5))), [1, 3]);
    picker.failed(1);
    assert.deepEqual(pieces(pick(picker, 2, Bitfield.full(5), 1)), [1]);
  });

  it('works on no more pieces than it may, and begins another when one is there', () => {
    const picker = pickerOf(5, { maxActive: 2, sequential: true });
    const blocks = pick(picker, 1, Bitfield.full(5));
    assert.deepEqual(pieces(blocks), [0, 1]);
    for (const block of blocks) receive(picker, 1, block);
    assert.deepEqual(pick(picker, 1, Bitfield.full(5)), []);
    picker.verified(0);
    assert.deepEqual(pieces(pick(picker, 1, Bitfield.full(5))), [2]);
  });

  it('leaves alone what is not wanted, and asks when it is', () => {
    const picker = pickerOf(3, { sequential: true });
    picker.setWanted(1, false);
    assert.deepEqual(pieces(pick(picker, 1, Bitfield.full(3))), [0, 2]);
    assert.equal(picker.needs(1), false);
    picker.setWanted(1, true);
    assert.deepEqual(pieces(pick(picker, 1, Bitfield.full(3))), [1]);
  });

  it('asks a peer that chokes for what it allows only', () => {
    const picker = pickerOf(5);
    const only = new Set([3, 4]);
    const blocks = picker.pick({ peer: 1, has: some(5, 0, 3), bytes: 1e9, maxRequestBytes: BLOCK_BYTES, only });
    assert.deepEqual(pieces(blocks), [3]);
    assert.deepEqual(picker.pick({ peer: 2, has: some(5, 0, 3), bytes: 1e9, maxRequestBytes: BLOCK_BYTES, only }), []);
  });

  it('asks again for what was not sent', () => {
    const picker = pickerOf(1);
    const blocks = pick(picker, 1, Bitfield.full(1), Number.POSITIVE_INFINITY, PIECE);
    assert.deepEqual(blocks, [{ piece: 0, begin: 0, length: PIECE }]);
    picker.release(1, blocks);
    assert.deepEqual(pick(picker, 2, Bitfield.full(1), Number.POSITIVE_INFINITY, PIECE), blocks);
  });

  it('asks others for the same blocks at the end only, and tells whom to tell that they came', () => {
    const picker = pickerOf(2);
    const full = Bitfield.full(2);
    const [first] = pick(picker, 1, full, BLOCK_BYTES);
    const rest = pick(picker, 2, full);
    assert.equal(rest.length, 7);
    // Now all blocks are asked for: the endgame.
    const doubled = pick(picker, 1, full);
    assert.deepEqual(new Set(doubled.map(String)), new Set(rest.map(String)));
    assert.equal(doubled.length, 7);
    assert.equal(pick(picker, 3, full).length, 8);
    assert.deepEqual(pick(picker, 4, full), [first]);
    assert.equal(pick(picker, 5, full).length, 0, `at most ${MAX_REQUESTERS} peers for one block`);
    assert.deepEqual(receive(picker, 1, first).sort(), [3, 4]);
    assert.deepEqual(receive(picker, 2, rest[0]).sort(), [1, 3]);
  });

  it('does not double requests while anything else is to be done, if only by others', () => {
    const picker = pickerOf(2);
    pick(picker, 1, some(2, 0));
    assert.deepEqual(pick(picker, 2, some(2, 0)), []);
  });

  it('fetches a piece that came wrong again', () => {
    const picker = pickerOf(1);
    for (const block of pick(picker, 1, Bitfield.full(1))) receive(picker, 1, block);
    assert.equal(picker.active(0)?.isComplete, true);
    assert.deepEqual(picker.active(0)?.senders(), [1, 1, 1, 1]);
    picker.failed(0);
    assert.equal(pick(picker, 2, Bitfield.full(1)).length, 4);
  });

  it('fetches a piece that came wrong from one peer alone, or from another when that one fails', () => {
    const picker = pickerOf(1);
    for (const block of pick(picker, 1, Bitfield.full(1))) receive(picker, 1, block);
    picker.wrong(0);
    const first = pick(picker, 1, Bitfield.full(1), BLOCK_BYTES);
    assert.equal(first.length, 1);
    assert.deepEqual(pick(picker, 2, Bitfield.full(1)), []);
    assert.equal(pick(picker, 1, Bitfield.full(1), 2 * BLOCK_BYTES).length, 2);
    picker.release(1, first);
    assert.equal(pick(picker, 2, Bitfield.full(1)).length, 2);
  });

  it('finishes every download, whatever peers do, with every piece sent whole', () => {
    const event = fc.record({
      peer: fc.integer({ min: 1, max: 4 }),
      what: fc.constantFrom('pick', 'send', 'drop', 'send', 'send'),
      bytes: fc.nat(6 * BLOCK_BYTES),
    });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 150 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        (events, maxActive, sequential) => {
          const layout = layoutOf(5 * PIECE + 1);
          const picker = new PiecePicker({ layout, have: new Bitfield(6), random: () => 0.3, maxActive, sequential });
          const full = Bitfield.full(6);
          const asked = new Map<number, Block[]>([1, 2, 3, 4].map((peer) => [peer, []]));
          let bytesKept = 0;
          const act = (peer: number, what: string, bytes: number) => {
            const mine = asked.get(peer) as Block[];
            if (what === 'pick') {
              const blocks = pick(picker, peer, full, bytes, 2 * BLOCK_BYTES);
              for (const block of blocks)
                assert.ok(!mine.some(({ piece, begin }) => piece === block.piece && begin === block.begin));
              mine.push(...blocks);
            } else if (what === 'drop') {
              picker.release(peer, mine.splice(0));
            } else {
              const block = mine.shift();
              const active = block && picker.active(block.piece);
              if (!block || !active) return;
              if (!active.beginBlock(peer, block)) {
                active.release(peer, block);
                return;
              }
              bytesKept += block.length;
              active.endBlock(peer, block);
              if (active.isComplete) picker.verified(block.piece);
            }
            assert.ok(picker.activeCount <= maxActive);
          };
          for (const { peer, what, bytes } of events) act(peer, what, bytes);
          // From here on one peer stays and is honest; the others leave.
          for (const peer of [2, 3, 4]) act(peer, 'drop', 0);
          for (let round = 0; round < 1000 && !picker.isDone; round++) {
            act(1, 'pick', PIECE);
            act(1, 'send', 0);
          }
          assert.ok(picker.isDone);
          assert.equal(bytesKept, layout.size);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('A piece in the works', () => {
  it('keeps the bytes of one sender for each block', () => {
    const active = new ActivePiece(0, 2 * BLOCK_BYTES);
    const block = active.request(1, BLOCK_BYTES) as Block;
    active.request(2, BLOCK_BYTES);
    assert.deepEqual(active.requestAgain(2), block);
    assert.equal(active.beginBlock(2, block), true);
    assert.equal(active.beginBlock(1, block), false);
    active.release(2, block);
    assert.equal(active.beginBlock(1, block), true, 'the other went away in the middle');
    assert.deepEqual(active.endBlock(1, block), []);
    assert.equal(active.beginBlock(2, block), false);
  });

  it('lets a faster sender take a block over, and knows whose bytes it keeps', () => {
    const active = new ActivePiece(0, 2 * BLOCK_BYTES);
    const block = active.request(1, BLOCK_BYTES) as Block;
    active.requestAgain(2);
    assert.equal(active.beginBlock(1, block), true);
    assert.equal(
      active.beginBlock(2, block, (sender) => sender !== 1),
      false,
    );
    assert.deepEqual([active.isSender(1, block), active.isSender(2, block)], [true, false]);
    assert.equal(
      active.beginBlock(2, block, (sender) => sender === 1),
      true,
    );
    assert.deepEqual([active.isSender(1, block), active.isSender(2, block)], [false, true]);
    active.release(1, block);
    assert.deepEqual(active.endBlock(2, block), []);
    assert.equal(active.isSender(2, block), false);
    assert.equal(active.senders()[0], 2);
  });

  it('takes nothing from who was not asked', () => {
    const active = new ActivePiece(0, 2 * BLOCK_BYTES);
    const block = active.request(1, BLOCK_BYTES) as Block;
    assert.equal(active.beginBlock(2, block), false);
    active.release(1, block);
    assert.equal(active.beginBlock(1, block), false);
  });
});

describe('What a peer has', () => {
  it('is counted as long as it is connected, and interesting as long as anything of it is needed', () => {
    const change = fc.oneof(
      fc.tuple(fc.constantFrom('add', 'remove'), fc.nat(5)),
      fc.tuple(fc.constantFrom('set', 'full', 'clear'), fc.nat(63)),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const picker = pickerOf(6, { have: some(6, 1, 2) });
        const remote = new RemotePieces(6, picker);
        let model = new Set<number>();
        for (const [what, value] of changes) {
          const bits = [0, 1, 2, 3, 4, 5].filter((piece) => value & (1 << piece));
          if (what === 'add') model.add(value);
          else if (what === 'remove') model.delete(value);
          else model = new Set(what === 'set' ? bits : what === 'full' ? [0, 1, 2, 3, 4, 5] : []);
          if (what === 'add') remote.add(value);
          else if (what === 'remove') remote.remove(value);
          else if (what === 'clear') remote.clear();
          else remote.set(what === 'full' ? Bitfield.full(6) : some(6, ...bits));
          assert.deepEqual(
            [...remote.bits],
            [...model].sort((a, b) => a - b),
          );
          for (let piece = 0; piece < 6; piece++) assert.equal(picker.availability.of(piece), Number(model.has(piece)));
          assert.equal(
            remote.isInteresting,
            [...model].some((piece) => piece !== 1 && piece !== 2),
          );
        }
      }),
    );
  });

  it('becomes uninteresting as we get it', () => {
    const picker = pickerOf(2);
    const remote = new RemotePieces(2, picker);
    remote.set(some(2, 1));
    for (const block of pick(picker, 1, remote.bits)) receive(picker, 1, block);
    assert.equal(remote.isInteresting, true);
    picker.verified(1);
    remote.gotHere(1);
    assert.equal(remote.isInteresting, false);
  });
});
