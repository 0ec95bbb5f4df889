import { type ContentLayout, pieceBytes } from '../../bittorrent/content-layout.ts';
import type { Block } from '../../bittorrent/peer-wire.ts';
import { ActivePiece, type PeerNumber } from './active-piece.ts';
import { Availability, NO_PIECE, type Random } from './availability.ts';
import { Bitfield } from './bitfield.ts';

export interface PiecePickerOptions {
  readonly layout: ContentLayout;
  /** Pieces that are there already; copied. */
  readonly have: Bitfield;
  readonly random: Random;
  /** Pieces that may be in the works at the same time: each has its bytes in memory. */
  readonly maxActive: number;
  /** Pieces in their order, for who plays while it loads; else the rarest first. */
  readonly sequential?: boolean;
}

/** What `pick` needs to know of the peer that is to be asked. */
export interface PickFor {
  readonly peer: PeerNumber;
  readonly has: Bitfield;
  /** Ask for no more bytes than these. */
  readonly bytes: number;
  /** The longest request that the peer answers, at least 16 KiB. */
  readonly maxRequestBytes: number;
  /** Only these pieces: what a peer that chokes allows (BEP 6). */
  readonly only?: ReadonlySet<number> | undefined;
  /** It had nothing to do for long: it may be asked for what slower peers were asked for, before the end too. */
  readonly isStarving?: boolean;
}

/**
 * Decides what to ask of whom: blocks of pieces that are in the works first, then the rarest piece that nobody works on.
 * At the end, when every block that is missing was asked for, blocks are asked of further peers (endgame), and before it of
 * those that wait since slower ones hold all that there is room for.
 *
 * A piece is `open` (wanted, not begun), active, being verified, there, or not wanted. `received` leaves a complete piece
 * active and verifying until `verified` or `wrong` says what it is.
 */
export class PiecePicker {
  readonly availability: Availability;
  readonly #layout: ContentLayout;
  readonly #have: Bitfield;
  readonly #unwanted: Bitfield;
  /** Pieces that came wrong. */
  readonly #suspect = new Set<number>();
  readonly #maxActive: number;
  readonly #sequential: boolean;
  /** In the order they were begun; a complete one is being verified. */
  readonly #active = new Map<number, ActivePiece>();
  /** No open piece lies before it. */
  #firstOpen = 0;

  constructor(options: PiecePickerOptions) {
    const { layout, have, random, maxActive, sequential = false } = options;
    this.#layout = layout;
    this.#have = Bitfield.fromWire(have.bytes, layout.pieceCount);
    this.#unwanted = new Bitfield(layout.pieceCount);
    this.#maxActive = Math.max(1, maxActive);
    this.#sequential = sequential;
    this.availability = new Availability(layout.pieceCount, random);
    for (let piece = 0; piece < layout.pieceCount; piece++) if (!have.has(piece)) this.availability.open(piece);
  }

  /** Whether every piece that is wanted is there. */
  get isDone(): boolean {
    return this.availability.openCount === 0 && this.#active.size === 0;
  }

  get activeCount(): number {
    return this.#active.size;
  }

  active(piece: number): ActivePiece | undefined {
    return this.#active.get(piece);
  }

  /** Whether the piece is wanted and not there. */
  needs(piece: number): boolean {
    return this.availability.isOpen(piece) || this.#active.has(piece);
  }

  /** A piece that is in the works stays so. */
  setWanted(piece: number, wanted: boolean): void {
    if (wanted) this.#unwanted.remove(piece);
    else this.#unwanted.add(piece);
    if (!wanted) this.availability.close(piece);
    else if (!this.#have.has(piece) && !this.#active.has(piece)) this.#open(piece);
  }

  /** Requests for one peer; none when it has nothing that is needed and may be asked for. They count as asked. */
  pick(peer: PickFor): Block[] {
    const blocks: Block[] = [];
    let bytes = peer.bytes;
    const take = (block: Block | undefined): boolean => {
      if (!block) return false;
      blocks.push(block);
      bytes -= block.length;
      return true;
    };
    for (const active of this.#active.values()) {
      if (active.openBlocks === 0 || !mayAsk(peer, active.piece)) continue;
      while (bytes > 0 && take(active.request(peer.peer, Math.min(bytes, peer.maxRequestBytes))));
      if (bytes <= 0) return blocks;
    }
    while (bytes > 0) {
      const active = this.#begin(peer);
      if (!active) break;
      while (bytes > 0 && take(active.request(peer.peer, Math.min(bytes, peer.maxRequestBytes))));
    }
    // Only one that has nothing else to do: a duplicate is traffic for nothing most of the time.
    if (blocks.length === 0 && bytes > 0 && (peer.isStarving || this.#isEndgame())) {
      for (const active of this.#active.values()) {
        if (!mayAsk(peer, active.piece)) continue;
        while (bytes > 0 && take(active.requestAgain(peer.peer)));
      }
    }
    return blocks;
  }

  /** The peer will not send these blocks: it choked, refused, is too slow or gone. */
  release(peer: PeerNumber, blocks: Iterable<Block>): void {
    for (const block of blocks) this.#active.get(block.piece)?.release(peer, block);
  }

  /** The piece holds what its hash says, and is on its way to the disk. */
  verified(piece: number): void {
    this.#active.delete(piece);
    this.#suspect.delete(piece);
    // It may have been found on the disk instead.
    this.availability.close(piece);
    this.#have.add(piece);
  }

  /** The piece does not hold what its hash says: it is fetched again, from one peer alone. */
  wrong(piece: number): void {
    this.#suspect.add(piece);
    this.failed(piece);
  }

  /** The piece got lost: it is fetched again from the start. */
  failed(piece: number): void {
    this.#active.delete(piece);
    this.#have.remove(piece);
    if (!this.#unwanted.has(piece)) this.#open(piece);
  }

  #open(piece: number): void {
    this.availability.open(piece);
    this.#firstOpen = Math.min(this.#firstOpen, piece);
  }

  #begin(peer: PickFor): ActivePiece | undefined {
    if (this.#active.size >= this.#maxActive) return undefined;
    const piece = this.#choose(peer);
    if (piece === NO_PIECE) return undefined;
    this.availability.close(piece);
    const active = new ActivePiece(piece, pieceBytes(this.#layout, piece), this.#suspect.has(piece));
    this.#active.set(piece, active);
    return active;
  }

  #choose(peer: PickFor): number {
    if (peer.only) {
      for (const piece of peer.only) if (this.availability.isOpen(piece) && peer.has.has(piece)) return piece;
      return NO_PIECE;
    }
    return this.#sequential ? this.#firstOf(peer.has) : this.availability.rarest(peer.has);
  }

  #firstOf(has: Bitfield): number {
    const { pieceCount } = this.#layout;
    while (this.#firstOpen < pieceCount && !this.availability.isOpen(this.#firstOpen)) this.#firstOpen++;
    for (let piece = this.#firstOpen; piece < pieceCount; piece++) {
      if (this.availability.isOpen(piece) && has.has(piece)) return piece;
    }
    return NO_PIECE;
  }

  #isEndgame(): boolean {
    if (this.availability.openCount > 0) return false;
    for (const active of this.#active.values()) if (active.openBlocks > 0) return false;
    return true;
  }
}

function mayAsk(peer: PickFor, piece: number): boolean {
  return peer.has.has(piece) && (peer.only === undefined || peer.only.has(piece));
}
