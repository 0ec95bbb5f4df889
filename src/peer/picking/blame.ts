import { BLOCK_BYTES } from '../../bittorrent/peer-wire.ts';

/** Blocks of wrong pieces by several senders that are kept until the piece is right; the oldest piece goes first. */
export const MAX_SUSPECT_BLOCKS = 32_768;

/**
 * Who sent wrong bytes. One peer alone that sent a whole wrong piece is guilty. Of several, each block's hash and sender
 * are kept until the piece came right; who sent a block that differs from the right one is guilty. An honest peer is
 * never blamed: that needs a wrong block.
 *
 * @typeParam Peer whatever names a peer beyond its connection, as an address
 */
export class Blame<Peer> {
  readonly #hash: (block: Uint8Array) => string;
  /** By piece, the oldest first: what each sender of a wrong attempt sent. */
  readonly #suspects = new Map<number, Suspect<Peer>[]>();
  #blocks = 0;

  /** @param hash of a block, such that nobody finds a second block of one hash */
  constructor(hash: (block: Uint8Array) => string) {
    this.#hash = hash;
  }

  /** Blocks that are kept. */
  get suspectBlocks(): number {
    return this.#blocks;
  }

  /**
   * A piece came wrong.
   * @param senders who sent each 16 KiB of it
   * @returns who is guilty beyond doubt
   */
  wrong(piece: number, bytes: Uint8Array, senders: readonly Peer[]): Peer[] {
    const [first] = senders;
    if (senders.every((sender) => sender === first)) return [first];
    // One attempt is kept: a second adds senders to those of whom it is known that one is guilty, and costs as much again.
    if (this.#suspects.has(piece)) return [];
    const suspects = senders.map((sender, block) => ({ block, sender, hash: this.#hash(blockOf(bytes, block)) }));
    this.#suspects.set(piece, suspects);
    this.#blocks += suspects.length;
    for (const oldest of this.#suspects.keys()) {
      if (this.#blocks <= MAX_SUSPECT_BLOCKS) break;
      this.#forget(oldest);
    }
    return [];
  }

  /** A piece came right. @returns who sent other bytes in an earlier attempt */
  right(piece: number, bytes: Uint8Array): Peer[] {
    const suspects = this.#forget(piece);
    const guilty = suspects.filter(({ block, hash }) => this.#hash(blockOf(bytes, block)) !== hash);
    return [...new Set(guilty.map(({ sender }) => sender))];
  }

  #forget(piece: number): readonly Suspect<Peer>[] {
    const suspects = this.#suspects.get(piece) ?? [];
    this.#suspects.delete(piece);
    this.#blocks -= suspects.length;
    return suspects;
  }
}

interface Suspect<Peer> {
  readonly block: number;
  readonly sender: Peer;
  readonly hash: string;
}

function blockOf(bytes: Uint8Array, block: number): Uint8Array {
  return bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
}
