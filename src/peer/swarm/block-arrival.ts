import type { Block } from '../../bittorrent/peer-wire.ts';
import type { RequestPipeline } from '../exchange/request-pipeline.ts';
import type { PeerNumber } from '../picking/active-piece.ts';
import type { PiecePicker } from '../picking/piece-picker.ts';
import { copyBytes } from '../store/copy-bytes.ts';

/** A block that takes longer may be had from another peer at the same time. */
export const SLOW_BLOCK_MS = 4_000;
/** Of what is left of a block: for less it is cheaper to copy it, with what follows. */
const LEAST_PLACED_BYTES = 32 * 1024;

/** What the arrival of blocks needs of the download that they are for. */
export interface ArrivalOwner {
  readonly picker: PiecePicker;
  /** Room for the bytes of a piece that is in the works. */
  bufferOf(piece: number): Uint8Array | undefined;
  /** Whether a peer takes so long for its block that another one may send it. */
  isTooSlow(sender: PeerNumber): boolean;
}

/** The bytes of blocks as one peer sends them: each goes to its place in its piece, or nowhere, when nobody waits for it. */
export class BlockArrival {
  readonly #sender: PeerNumber;
  readonly #owner: ArrivalOwner;
  readonly #asked: RequestPipeline;
  /** Where the block that is arriving goes; undefined: nowhere, since nobody waits for it, or no more. */
  #target: Uint8Array | undefined;
  /** Since when a block arrives; undefined between two. */
  #sinceMs: number | undefined;

  /** @param asked what the peer was asked for */
  constructor(sender: PeerNumber, owner: ArrivalOwner, asked: RequestPipeline) {
    this.#sender = sender;
    this.#owner = owner;
    this.#asked = asked;
  }

  /** Whether the block that is arriving takes too long. */
  isDripping(nowMs: number): boolean {
    return this.#sinceMs !== undefined && nowMs - this.#sinceMs >= SLOW_BLOCK_MS;
  }

  /**
   * Puts the next part of a block where it belongs.
   * @param offset of the part in the block
   * @returns false: nobody wants it
   */
  take(nowMs: number, block: Block, offset: number, part: Uint8Array): boolean {
    if (offset === 0) this.#begin(nowMs, block);
    // Another peer may have taken the block over.
    else if (!this.#isKept(block)) this.#target = undefined;
    if (!this.#target) return false;
    copyBytes(part, this.#target, block.begin + offset);
    return true;
  }

  /** Where the rest of a long block goes, from `offset` on, for who can put it there. */
  place(block: Block, offset: number): Uint8Array | undefined {
    if (!this.#target || block.length - offset < LEAST_PLACED_BYTES || !this.#isKept(block)) return undefined;
    return this.#target.subarray(block.begin + offset, block.begin + block.length);
  }

  /** The last of a block came. @returns whether it was wanted */
  end(): boolean {
    const wanted = this.#target !== undefined;
    this.#target = undefined;
    this.#sinceMs = undefined;
    return wanted;
  }

  /** What is arriving is not waited for any more. */
  giveUp(): void {
    this.#target = undefined;
  }

  #begin(nowMs: number, block: Block): void {
    this.#sinceMs = nowMs;
    const { picker } = this.#owner;
    const isTooSlow = (sender: PeerNumber) => this.#owner.isTooSlow(sender);
    const isWanted = this.#asked.has(block) && picker.active(block.piece)?.beginBlock(this.#sender, block, isTooSlow);
    this.#target = isWanted ? this.#owner.bufferOf(block.piece) : undefined;
  }

  #isKept(block: Block): boolean {
    return this.#owner.picker.active(block.piece)?.isSender(this.#sender, block) ?? false;
  }
}
