import {
  BLOCK_HEADER_BYTES,
  type Block,
  encodeHandshake,
  HAVE_ALL,
  type Handshake,
  INTERESTED,
  UNCHOKE,
  writeBlockHeader,
} from '../../bittorrent/peer-wire.ts';
import { PeerWireParser, type PeerWireReceiver } from '../../bittorrent/peer-wire-parser.ts';
import type { PeerLink } from '../transport/peer-transport.ts';
import { MessageWriter } from './message-writer.ts';

/** A peer that a test plays: what it has, and what it does with requests, is the test's. */
export class TestPeer implements PeerWireReceiver {
  readonly link: PeerLink;
  readonly out: MessageWriter;
  readonly #onRequest: (peer: TestPeer, block: Block) => void;
  readonly #handshake: Handshake;
  /** The first that it says after its handshake: HAVE_ALL or HAVE_NONE. */
  first = HAVE_ALL;
  readonly heard: string[] = [];
  readonly blocks: { block: Block; bytes: Uint8Array }[] = [];
  closed = false;
  #arriving: Uint8Array | undefined;

  /** @param handshake what it says of itself */
  constructor(link: PeerLink, handshake: Handshake, onRequest: (peer: TestPeer, block: Block) => void = () => {}) {
    this.link = link;
    this.out = new MessageWriter(link);
    this.#handshake = handshake;
    this.#onRequest = onRequest;
    const parser = new PeerWireParser(this);
    if (!link.incoming) this.#hello();
    link.start({
      chunk: (bytes) => parser.push(bytes),
      drained: () => {},
      closed: () => {
        this.closed = true;
      },
    });
  }

  send(block: Block, bytes: Uint8Array): void {
    const header = new Uint8Array(BLOCK_HEADER_BYTES);
    writeBlockHeader(header, 0, block);
    this.out.parts([header, bytes]);
  }

  handshake(): void {
    if (this.link.incoming) this.#hello();
    this.out.signal(this.first);
    this.out.signal(INTERESTED);
    this.out.signal(UNCHOKE);
  }

  request(block: Block): void {
    this.#onRequest(this, block);
  }

  blockPart(block: Block, offset: number, part: Uint8Array): void {
    this.#arriving ??= new Uint8Array(block.length);
    this.#arriving.set(part, offset);
    if (offset + part.length < block.length) return;
    this.heard.push(`block ${block.piece} ${block.begin}`);
    this.blocks.push({ block, bytes: this.#arriving });
    this.#arriving = undefined;
  }

  keepAlive(): void {}
  choke = () => this.#note('choke');
  unchoke = () => this.#note('unchoke');
  interested = () => this.#note('interested');
  notInterested = () => this.#note('not interested');
  have = (piece: number) => this.#note(`have ${piece}`);
  bitfield = () => this.#note('bitfield');
  cancel = ({ piece, begin }: Block) => this.#note(`cancel ${piece} ${begin}`);
  port = () => this.#note('port');
  suggest = () => this.#note('suggest');
  haveAll = () => this.#note('have all');
  haveNone = () => this.#note('have none');
  reject = ({ piece, begin }: Block) => this.#note(`reject ${piece} ${begin}`);
  allowedFast = () => this.#note('allowed fast');
  extended = (extension: number, _payload: Uint8Array): void => this.#note(`extended ${extension}`);

  #note(what: string): void {
    this.heard.push(what);
  }

  #hello(): void {
    this.out.parts([encodeHandshake(this.#handshake)]);
  }
}
