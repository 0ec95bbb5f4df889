import { createHash } from 'node:crypto';
import type { TorrentInfo } from '../../bittorrent/metainfo.ts';
import type { PeerNumber } from '../picking/active-piece.ts';
import { Blame } from '../picking/blame.ts';
import type { PiecePicker } from '../picking/piece-picker.ts';
import { hashOfPiece } from '../store/piece-hash.ts';
import { SharedBuffers } from '../store/shared-buffers.ts';
import type { Storage } from '../store/storage.ts';

/** Sessions whose hosts are remembered, ended ones too: what they sent may turn out wrong later. */
const MAX_REMEMBERED_SESSIONS = 1000;

export interface PieceIntakeOptions {
  readonly info: TorrentInfo;
  readonly picker: PiecePicker;
  readonly storage: Storage;
  /** The info-hash, 40 digits. */
  readonly sha1: string;
  /** Pieces in the works at the same time. */
  readonly maxActive: number;
}

/** What became of a complete piece. */
export interface TakenPiece {
  readonly isRight: boolean;
  /** Hosts that sent wrong bytes, beyond doubt. */
  readonly guilty: readonly string[];
}

/** The memory of pieces in the works, and their way to the disk: verified there, and when wrong, the liar is found. */
export class PieceIntake {
  readonly #options: PieceIntakeOptions;
  readonly #buffers: SharedBuffers;
  readonly #byPiece = new Map<number, Uint8Array>();
  readonly #blame = new Blame<string>((block) => createHash('sha1').update(block).digest('base64'));
  /** The latest last. */
  readonly #hosts = new Map<PeerNumber, string>();

  constructor(options: PieceIntakeOptions) {
    this.#options = options;
    this.#buffers = new SharedBuffers(Math.min(options.info.pieceLength, options.info.size), options.maxActive);
  }

  /** Blocks that this session sends are of that host. */
  sender(number: PeerNumber, host: string): void {
    this.#hosts.set(number, host);
    if (this.#hosts.size > MAX_REMEMBERED_SESSIONS) this.#hosts.delete(this.#hosts.keys().next().value as PeerNumber);
  }

  /** Room for the bytes of a piece that is in the works; undefined when there is none. */
  bufferOf(piece: number): Uint8Array | undefined {
    const buffer = this.#byPiece.get(piece) ?? this.#buffers.take();
    if (buffer) this.#byPiece.set(piece, buffer);
    return buffer;
  }

  /**
   * A piece is complete: verifies it and has it written. Its memory is free afterwards.
   * @throws {StoreError} it could not be written
   */
  async take(piece: number): Promise<TakenPiece> {
    const { info, picker, storage, sha1 } = this.#options;
    const active = picker.active(piece);
    const buffer = this.#byPiece.get(piece);
    if (!active || !buffer) throw new Error(`piece ${piece} is not in the works`);
    const bytes = buffer.subarray(0, active.length);
    const hosts = active.senders().map((number) => this.#hosts.get(number) ?? '');
    try {
      const isRight = await storage.put(sha1, piece, bytes, hashOfPiece(info, piece).slice());
      const guilty = isRight ? this.#blame.right(piece, bytes) : this.#blame.wrong(piece, bytes, hosts);
      return { isRight, guilty: guilty.filter((host) => host !== '') };
    } finally {
      this.#byPiece.delete(piece);
      this.#buffers.giveBack(buffer);
    }
  }
}
