import { BLOCK_BYTES, type Block } from '../../bittorrent/peer-wire.ts';

/** Who a block is asked of or came from: a number above 0 that names one connection. */
export type PeerNumber = number;

/** Peers of whom one block is asked at the same time, at the end of a download. */
export const MAX_REQUESTERS = 3;
const NOBODY: PeerNumber = 0;

/**
 * The blocks of a piece that is being fetched: which are open, asked for, arriving, there, and by whom. A block here has
 * 16 KiB, but the last; a request may be for several in a row.
 *
 * A piece that came wrong before is fetched from one peer alone, so that it can be said who lies.
 *
 * Of each block one peer at a time may fill the bytes: what a second one sends is passed over, so that the bytes of a
 * block are of one sender and can be laid at its door.
 */
export class ActivePiece {
  readonly piece: number;
  /** Bytes. */
  readonly length: number;
  readonly blockCount: number;
  /** Only one peer at a time is asked. */
  readonly isExclusive: boolean;
  /** Of an exclusive piece, who is asked. */
  #sole: PeerNumber = NOBODY;
  /** Of each block MAX_REQUESTERS places; 0 is nobody. */
  readonly #requesters: Int32Array;
  /** Who fills or filled the block; 0 nobody yet. */
  readonly #senders: Int32Array;
  readonly #received: Uint8Array;
  #receivedCount = 0;
  /** Neither asked for nor there. */
  #openCount: number;
  /** No open block lies before it. */
  #firstOpen = 0;

  constructor(piece: number, length: number, isExclusive = false) {
    this.piece = piece;
    this.length = length;
    this.isExclusive = isExclusive;
    this.blockCount = Math.ceil(length / BLOCK_BYTES);
    this.#requesters = new Int32Array(this.blockCount * MAX_REQUESTERS);
    this.#senders = new Int32Array(this.blockCount);
    this.#received = new Uint8Array(this.blockCount);
    this.#openCount = this.blockCount;
  }

  get isComplete(): boolean {
    return this.#receivedCount === this.blockCount;
  }

  get openBlocks(): number {
    return this.#openCount;
  }

  get receivedBlocks(): number {
    return this.#receivedCount;
  }

  /** Asks `peer` for the first open blocks, as many in a row as `maxBytes` hold but at least one; undefined when none is open. */
  request(peer: PeerNumber, maxBytes: number): Block | undefined {
    if (this.#openCount === 0 || (this.isExclusive && this.#sole !== NOBODY && this.#sole !== peer)) return undefined;
    this.#sole = peer;
    let first = this.#firstOpen;
    while (!this.#isOpen(first)) first++;
    const most = Math.min(this.blockCount, first + Math.max(1, Math.floor(maxBytes / BLOCK_BYTES)));
    let end = first;
    while (end < most && this.#isOpen(end)) this.#requesters[end++ * MAX_REQUESTERS] = peer;
    this.#openCount -= end - first;
    this.#firstOpen = end;
    return this.#block(first, end);
  }

  /** Asks `peer` too for a block that others were asked for, the one with the fewest of them; undefined when there is none. */
  requestAgain(peer: PeerNumber): Block | undefined {
    if (this.isExclusive) return undefined;
    let best = -1;
    let fewest = MAX_REQUESTERS;
    for (let block = 0; block < this.blockCount; block++) {
      if (this.#received[block] !== 0 || this.#slotOf(block, peer) >= 0) continue;
      const requesters = this.#requesterCount(block);
      if (requesters > 0 && requesters < fewest) {
        best = block;
        fewest = requesters;
      }
    }
    if (best < 0) return undefined;
    this.#requesters[this.#slotOf(best, NOBODY)] = peer;
    return this.#block(best, best + 1);
  }

  /** `peer` will not send the block: blocks that nobody else was asked for are open again. */
  release(peer: PeerNumber, block: Block): void {
    const [first, end] = this.#blocksOf(block);
    for (let at = first; at < end; at++) {
      const slot = this.#slotOf(at, peer);
      if (slot < 0) continue;
      this.#requesters[slot] = NOBODY;
      if (this.#received[at] !== 0) continue;
      if (this.#sole === peer) this.#sole = NOBODY;
      if (this.#senders[at] === peer) this.#senders[at] = NOBODY;
      if (this.#requesterCount(at) > 0) continue;
      this.#openCount++;
      this.#firstOpen = Math.min(this.#firstOpen, at);
    }
  }

  /**
   * The bytes of a block that `peer` was asked for begin to arrive.
   * @param isTooSlow whether a peer that is sending any of it is to give way: what it sent is void then
   * @returns whether to keep them: not when another peer sends or sent any of it
   */
  beginBlock(peer: PeerNumber, block: Block, isTooSlow: (sender: PeerNumber) => boolean = () => false): boolean {
    const [first, end] = this.#blocksOf(block);
    for (let at = first; at < end; at++) {
      const sender = this.#senders[at];
      const isFree = sender === NOBODY || (sender !== peer && isTooSlow(sender));
      if (this.#received[at] !== 0 || !isFree || this.#slotOf(at, peer) < 0) return false;
    }
    this.#senders.fill(peer, first, end);
    return true;
  }

  /** Whether `peer` is still the one whose bytes of the block are kept. */
  isSender(peer: PeerNumber, block: Block): boolean {
    const [first, end] = this.#blocksOf(block);
    for (let at = first; at < end; at++) if (this.#senders[at] !== peer || this.#received[at] !== 0) return false;
    return true;
  }

  /**
   * All bytes of a block that `beginBlock` let in are there.
   * @returns the other peers that were asked for any of it, to be told that it is not needed
   */
  endBlock(peer: PeerNumber, block: Block): PeerNumber[] {
    const [first, end] = this.#blocksOf(block);
    const others = new Set<PeerNumber>();
    for (let at = first; at < end; at++) {
      this.#received[at] = 1;
      for (let slot = at * MAX_REQUESTERS; slot < (at + 1) * MAX_REQUESTERS; slot++) {
        const requester = this.#requesters[slot];
        if (requester !== NOBODY && requester !== peer) others.add(requester);
        this.#requesters[slot] = NOBODY;
      }
    }
    this.#receivedCount += end - first;
    return [...others];
  }

  /** Who sent each block of a complete piece, in order. */
  senders(): PeerNumber[] {
    return [...this.#senders];
  }

  #isOpen(block: number): boolean {
    return this.#received[block] === 0 && this.#requesterCount(block) === 0;
  }

  #requesterCount(block: number): number {
    let count = 0;
    for (let slot = block * MAX_REQUESTERS; slot < (block + 1) * MAX_REQUESTERS; slot++) {
      if (this.#requesters[slot] !== NOBODY) count++;
    }
    return count;
  }

  /** Where `peer`, or with NOBODY an empty place, stands among the requesters of the block; -1 nowhere. */
  #slotOf(block: number, peer: PeerNumber): number {
    for (let slot = block * MAX_REQUESTERS; slot < (block + 1) * MAX_REQUESTERS; slot++) {
      if (this.#requesters[slot] === peer) return slot;
    }
    return -1;
  }

  #block(first: number, end: number): Block {
    const begin = first * BLOCK_BYTES;
    return { piece: this.piece, begin, length: Math.min(end * BLOCK_BYTES, this.length) - begin };
  }

  /** The blocks of a request that was made here. */
  #blocksOf({ begin, length }: Block): [first: number, end: number] {
    return [begin / BLOCK_BYTES, Math.ceil((begin + length) / BLOCK_BYTES)];
  }
}
