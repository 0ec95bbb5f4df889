import { MAX_PIECE_LENGTH } from '../../bittorrent/content-layout.ts';
import { BLOCK_BYTES, type Block } from '../../bittorrent/peer-wire.ts';

/** Bytes asked for before anything is known of a peer: 128 blocks. */
export const FIRST_PIPELINE_BYTES = 2 * 1024 * 1024;
/** As much is asked for as the peer sends in this time. */
export const PIPELINE_SECONDS = 2;
export const LEAST_PIPELINE_BYTES = 64 * 1024;
/** Of one peer; bounds the pieces that wait for it. */
export const MAX_PIPELINE_BYTES = 16 * 1024 * 1024;
/** A peer that was asked and sends nothing for so long is slow: others are asked in its place. */
export const STALL_MS = 20_000;

/**
 * What one peer was asked for and has not sent. Deep, so that the way to the peer never runs dry: as many bytes as it sends
 * in two seconds, within the number of requests that it keeps waiting (`reqq`, BEP 10).
 */
export class RequestPipeline {
  /** By piece and offset. */
  readonly #waiting = new Map<number, Block>();
  #waitingBytes = 0;
  #maxRequests: number;
  /** Since when nothing came, while something is waited for. */
  #quietSinceMs = 0;

  /** @param maxRequests `reqq` of the peer */
  constructor(maxRequests: number) {
    this.#maxRequests = maxRequests;
  }

  get requests(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#waitingBytes;
  }

  set maxRequests(requests: number) {
    this.#maxRequests = requests;
  }

  /**
   * How many more bytes to ask for: 0 while the pipeline is more than half full, so that requests leave in batches.
   * @param bytesPerSecond that the peer sends; undefined when it has not begun
   */
  room(bytesPerSecond: number | undefined, requestBytes: number): number {
    const wanted =
      bytesPerSecond === undefined
        ? FIRST_PIPELINE_BYTES
        : Math.min(MAX_PIPELINE_BYTES, Math.max(LEAST_PIPELINE_BYTES, bytesPerSecond * PIPELINE_SECONDS));
    const byBytes = wanted - this.#waitingBytes;
    const byRequests = (this.#maxRequests - this.#waiting.size) * requestBytes;
    const isLow = this.#waitingBytes <= wanted / 2 && this.#waiting.size <= this.#maxRequests / 2;
    return isLow ? Math.max(0, Math.min(byBytes, byRequests)) : 0;
  }

  add(nowMs: number, block: Block): void {
    if (this.#waiting.size === 0) this.#quietSinceMs = nowMs;
    const key = keyOf(block);
    if (this.#waiting.has(key)) return;
    this.#waiting.set(key, block);
    this.#waitingBytes += block.length;
  }

  /** Bytes of a block came, be they all or not. */
  heard(nowMs: number): void {
    this.#quietSinceMs = nowMs;
  }

  /** Whether exactly this block was asked for. */
  has(block: Block): boolean {
    const asked = this.#waiting.get(keyOf(block));
    // What a peer sends may lie anywhere, so that its key is that of another block.
    return asked?.piece === block.piece && asked.begin === block.begin && asked.length === block.length;
  }

  /** The block came, was refused or is not wanted any more. @returns whether it was waited for */
  remove(block: Block): boolean {
    if (!this.has(block)) return false;
    this.#waiting.delete(keyOf(block));
    this.#waitingBytes -= block.length;
    return true;
  }

  /** All that was asked for is void: the peer choked, or is given up. */
  clear(): Block[] {
    const blocks = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#waitingBytes = 0;
    return blocks;
  }

  /** What was asked for and lies wholly within `block`. */
  within(block: Block): Block[] {
    const end = block.begin + block.length;
    return [...this.#waiting.values()].filter(
      ({ piece, begin, length }) => piece === block.piece && begin >= block.begin && begin + length <= end,
    );
  }

  isStalled(nowMs: number): boolean {
    return this.#waiting.size > 0 && nowMs - this.#quietSinceMs >= STALL_MS;
  }
}

const BLOCKS_OF_LONGEST_PIECE = MAX_PIECE_LENGTH / BLOCK_BYTES;

/** All requests of ours begin at a multiple of BLOCK_BYTES. */
function keyOf({ piece, begin }: Block): number {
  return piece * BLOCKS_OF_LONGEST_PIECE + begin / BLOCK_BYTES;
}
