import {
  type Block,
  writeBlockMessage,
  writeKeepAlive,
  writePieceIndex,
  writeSignal,
} from '../../bittorrent/peer-wire.ts';
import type { FileRange, PeerLink } from '../transport/peer-transport.ts';

/** Room for a few hundred requests; a turn that says more makes several writes. */
const BATCH_BYTES = 4096;
/** The longest of the messages that are written here. */
const LONGEST_MESSAGE_BYTES = 17;

/** Gathers the short messages of one turn of the event loop into one write. */
export class MessageWriter {
  readonly #link: PeerLink;
  #batch: Uint8Array | undefined;
  #bytes = 0;

  constructor(link: PeerLink) {
    this.#link = link;
  }

  keepAlive(): void {
    this.#bytes = writeKeepAlive(this.#room(), this.#bytes);
  }

  /** CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE_ALL or HAVE_NONE. */
  signal(id: number): void {
    this.#bytes = writeSignal(this.#room(), this.#bytes, id);
  }

  /** HAVE, SUGGEST or ALLOWED_FAST. */
  piece(id: number, piece: number): void {
    this.#bytes = writePieceIndex(this.#room(), this.#bytes, id, piece);
  }

  /** REQUEST, CANCEL or REJECT. */
  block(id: number, block: Block): void {
    this.#bytes = writeBlockMessage(this.#room(), this.#bytes, id, block);
  }

  /** Whole messages, behind those that were gathered. */
  parts(parts: readonly Uint8Array[], done?: () => void): void {
    this.flush();
    this.#link.write(parts, done);
  }

  /** As `PeerLink.sendFile`, behind the messages that were gathered. */
  file(head: Uint8Array, range: FileRange): number | undefined {
    this.flush();
    return this.#link.sendFile?.(head, range);
  }

  flush(): void {
    if (!this.#batch) return;
    this.#link.write([this.#batch.subarray(0, this.#bytes)]);
    this.#batch = undefined;
    this.#bytes = 0;
  }

  #room(): Uint8Array {
    if (this.#batch && this.#bytes + LONGEST_MESSAGE_BYTES > BATCH_BYTES) this.flush();
    if (!this.#batch) {
      this.#batch = new Uint8Array(BATCH_BYTES);
      queueMicrotask(() => this.flush());
    }
    return this.#batch;
  }
}
