import {
  ALLOWED_FAST,
  BITFIELD,
  type Block,
  CANCEL,
  CHOKE,
  EXTENDED,
  HANDSHAKE_BYTES,
  HAVE,
  HAVE_ALL,
  HAVE_NONE,
  type Handshake,
  INTERESTED,
  mayBeHandshake,
  NOT_INTERESTED,
  PeerWireError,
  PIECE,
  PORT,
  REJECT,
  REQUEST,
  readHandshake,
  readUint32,
  SUGGEST,
  UNCHOKE,
} from './peer-wire.ts';

/** Ours ask one another for more than the 16 KiB of strangers; nobody sends more than this in one block. */
export const MAX_BLOCK_BYTES = 256 * 1024;
/** A piece of metadata has 16 KiB, a list of peers less. */
export const MAX_EXTENDED_BYTES = 128 * 1024;
/** Of the most pieces that a torrent can have (content-layout.ts). */
export const MAX_BITFIELD_BYTES = 100_000;
/** Messages that nobody knows are passed over, up to this. */
export const MAX_UNKNOWN_BYTES = 128 * 1024;

/**
 * Who is told what a peer says, in order. Views of bytes are good during the call only.
 * Whether a piece, a block or a bitfield can be is for the receiver to judge: the parser does not know the torrent.
 */
export interface PeerWireReceiver {
  handshake(handshake: Handshake): void;
  keepAlive(): void;
  choke(): void;
  unchoke(): void;
  interested(): void;
  notInterested(): void;
  have(piece: number): void;
  bitfield(bits: Uint8Array): void;
  request(block: Block): void;
  cancel(block: Block): void;
  /**
   * Part of a block as it arrived. The parts of one block follow each other without other messages between them; the
   * block is complete when `offset + part.length === block.length`.
   * @param offset of the part in the block
   */
  blockPart(block: Block, offset: number, part: Uint8Array): void;
  port(port: number): void;
  suggest(piece: number): void;
  haveAll(): void;
  haveNone(): void;
  reject(block: Block): void;
  allowedFast(piece: number): void;
  /** @param extension the number that we gave it in our extended handshake; 0 is theirs */
  extended(extension: number, payload: Uint8Array): void;
}

/**
 * Reads what a peer sends, as it arrives, cut anywhere. The bytes of blocks are handed on where they lie; only other
 * messages that are cut are put together, so little is kept, and never more than arrived.
 */
export class PeerWireParser {
  readonly #receiver: PeerWireReceiver;
  #handshakeDone = false;
  /** The beginning of a message that is not whole yet. */
  #held = new Uint8Array(HANDSHAKE_BYTES);
  #heldBytes = 0;
  /** So many bytes of the message must be together to go on. */
  #needed = 0;
  /** The block that is arriving, and how much of it came. */
  #block: Block | undefined;
  #blockBytes = 0;
  /** Of a message that nobody knows, still to come. */
  #ignored = 0;

  constructor(receiver: PeerWireReceiver) {
    this.#receiver = receiver;
  }

  /** The block that is arriving, and how many of its bytes came; undefined between two. */
  get arriving(): { readonly block: Block; readonly offset: number } | undefined {
    return this.#block && { block: this.#block, offset: this.#blockBytes };
  }

  /** The next bytes of the connection, so many, are of the block that is arriving, and need not be handed on. */
  skip(count: number): void {
    if (!this.#block || count > this.#block.length - this.#blockBytes)
      throw new RangeError(`${count} bytes of no block`);
    this.#blockBytes += count;
    if (this.#blockBytes === this.#block.length) this.#block = undefined;
  }

  /**
   * Takes the next bytes of the connection; when it returns none of them is held.
   * @throws {PeerWireError} it is no BitTorrent; the parser cannot go on
   */
  push(chunk: Uint8Array): void {
    const end = chunk.length;
    let at = 0;
    while (at < end) {
      if (this.#block) {
        at = this.#passBlock(this.#block, chunk, at);
      } else if (this.#ignored > 0) {
        const count = Math.min(this.#ignored, end - at);
        this.#ignored -= count;
        at += count;
      } else if (this.#heldBytes === 0) {
        const next = this.#read(chunk, at, end);
        if (next === MORE) this.#hold(chunk, at, end);
        at = next === MORE ? end : next;
      } else {
        const to = Math.min(at + this.#needed - this.#heldBytes, end);
        this.#hold(chunk, at, to);
        at = to;
        // What is held is at most what is needed, so what was read is all of it. A handshake shows early that it is none.
        const enough = this.#heldBytes === this.#needed || !this.#handshakeDone;
        if (enough && this.#read(this.#held, 0, this.#heldBytes) !== MORE) this.#heldBytes = 0;
      }
    }
  }

  /** The offset behind the message at `at`, or behind the head of a block; MORE when there are not `#needed` bytes. */
  #read(bytes: Uint8Array, at: number, end: number): number {
    const there = end - at;
    if (!this.#handshakeDone) return this.#readHandshake(bytes, at, there);
    if (there < 4) return this.#need(4);
    const length = readUint32(bytes, at);
    if (length === 0) {
      this.#receiver.keepAlive();
      return at + 4;
    }
    if (there < 5) return this.#need(5);
    const id = bytes[at + 4];
    if (id === PIECE) {
      if (length - 9 > MAX_BLOCK_BYTES) {
        throw new PeerWireError(
          'BLOCK_TOO_LONG',
          `a block of ${length - 9} bytes; at most ${MAX_BLOCK_BYTES} are taken`,
        );
      }
      if (length < 10) throw badLength(id, length);
      if (there < 13) return this.#need(13);
      this.#block = { piece: readUint32(bytes, at + 5), begin: readUint32(bytes, at + 9), length: length - 9 };
      this.#blockBytes = 0;
      return at + 13;
    }
    const most = LONGEST[id] ?? 0;
    if (most === 0) {
      if (length > MAX_UNKNOWN_BYTES) throw tooLong(id, length, MAX_UNKNOWN_BYTES);
      this.#ignored = length - 1;
      return at + 5;
    }
    if (length > most) throw tooLong(id, length, most);
    if (length < most && id !== BITFIELD && !(id === EXTENDED && length >= 2)) throw badLength(id, length);
    if (there < 4 + length) return this.#need(4 + length);
    this.#dispatch(id, bytes, at + 5, at + 4 + length);
    return at + 4 + length;
  }

  #readHandshake(bytes: Uint8Array, at: number, there: number): number {
    if (there < HANDSHAKE_BYTES && mayBeHandshake(bytes, at, there)) return this.#need(HANDSHAKE_BYTES);
    const handshake = readHandshake(bytes, at);
    this.#handshakeDone = true;
    this.#receiver.handshake(handshake);
    return at + HANDSHAKE_BYTES;
  }

  #dispatch(id: number, bytes: Uint8Array, at: number, end: number): void {
    const to = this.#receiver;
    switch (id) {
      case CHOKE:
        to.choke();
        break;
      case UNCHOKE:
        to.unchoke();
        break;
      case INTERESTED:
        to.interested();
        break;
      case NOT_INTERESTED:
        to.notInterested();
        break;
      case HAVE:
        to.have(readUint32(bytes, at));
        break;
      case BITFIELD:
        to.bitfield(bytes.subarray(at, end));
        break;
      case REQUEST:
        to.request(readBlock(bytes, at));
        break;
      case CANCEL:
        to.cancel(readBlock(bytes, at));
        break;
      case PORT:
        to.port((bytes[at] << 8) | bytes[at + 1]);
        break;
      case SUGGEST:
        to.suggest(readUint32(bytes, at));
        break;
      case HAVE_ALL:
        to.haveAll();
        break;
      case HAVE_NONE:
        to.haveNone();
        break;
      case REJECT:
        to.reject(readBlock(bytes, at));
        break;
      case ALLOWED_FAST:
        to.allowedFast(readUint32(bytes, at));
        break;
      case EXTENDED:
        to.extended(bytes[at], bytes.subarray(at + 1, end));
        break;
    }
  }

  #passBlock(block: Block, chunk: Uint8Array, at: number): number {
    const offset = this.#blockBytes;
    const count = Math.min(block.length - offset, chunk.length - at);
    this.skip(count);
    this.#receiver.blockPart(block, offset, chunk.subarray(at, at + count));
    return at + count;
  }

  #need(bytes: number): typeof MORE {
    this.#needed = bytes;
    return MORE;
  }

  /** Room grows with what arrived, never with what is said to come. */
  #hold(chunk: Uint8Array, at: number, end: number): void {
    const bytes = this.#heldBytes + end - at;
    if (bytes > this.#held.length) {
      const larger = new Uint8Array(Math.max(bytes, 2 * this.#held.length));
      larger.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = larger;
    }
    this.#held.set(chunk.subarray(at, end), this.#heldBytes);
    this.#heldBytes = bytes;
  }
}

const MORE = -1;

/** The `length` of a message at most, and of all but bitfields and extended messages also at least. */
const LONGEST: Readonly<Record<number, number>> = {
  [CHOKE]: 1,
  [UNCHOKE]: 1,
  [INTERESTED]: 1,
  [NOT_INTERESTED]: 1,
  [HAVE]: 5,
  [BITFIELD]: 1 + MAX_BITFIELD_BYTES,
  [REQUEST]: 13,
  [CANCEL]: 13,
  [PORT]: 3,
  [SUGGEST]: 5,
  [HAVE_ALL]: 1,
  [HAVE_NONE]: 1,
  [REJECT]: 13,
  [ALLOWED_FAST]: 5,
  [EXTENDED]: 2 + MAX_EXTENDED_BYTES,
};

function readBlock(bytes: Uint8Array, at: number): Block {
  return { piece: readUint32(bytes, at), begin: readUint32(bytes, at + 4), length: readUint32(bytes, at + 8) };
}

function tooLong(id: number, length: number, most: number): PeerWireError {
  return new PeerWireError('MESSAGE_TOO_LONG', `a message ${id} of ${length} bytes; at most ${most} are read`);
}

function badLength(id: number, length: number): PeerWireError {
  return new PeerWireError('MESSAGE_LENGTH', `a message ${id} of ${length} bytes, which it cannot have`);
}
