import type { Block } from '../../bittorrent/peer-wire.ts';

/** Requests that we keep waiting for one peer, and say so (`reqq`, BEP 10). */
export const MAX_QUEUED_REQUESTS = 1000;

/** What one peer asked for and was not sent yet, in the order that it asked. */
export class UploadQueue {
  readonly #waiting = new Map<string, Block>();

  get size(): number {
    return this.#waiting.size;
  }

  /** @returns false when the queue is full: the peer was told how much it holds */
  add(block: Block): boolean {
    if (this.#waiting.size >= MAX_QUEUED_REQUESTS) return this.#waiting.has(keyOf(block));
    this.#waiting.set(keyOf(block), block);
    return true;
  }

  /** @returns whether it was there */
  cancel(block: Block): boolean {
    return this.#waiting.delete(keyOf(block));
  }

  /** All is void: we choke. */
  clear(): Block[] {
    const blocks = [...this.#waiting.values()];
    this.#waiting.clear();
    return blocks;
  }

  /**
   * Takes the next requests that one read can answer: of one piece, each beginning where the one before ends.
   * @param maxBytes of all together, but one request at least
   */
  takeRun(maxBytes: number): Block[] {
    const run: Block[] = [];
    let bytes = 0;
    for (const [key, block] of this.#waiting) {
      const last = run.at(-1);
      if (last && (block.piece !== last.piece || block.begin !== last.begin + last.length)) break;
      if (last && bytes + block.length > maxBytes) break;
      this.#waiting.delete(key);
      run.push(block);
      bytes += block.length;
    }
    return run;
  }
}

function keyOf({ piece, begin, length }: Block): string {
  return `${piece} ${begin} ${length}`;
}
