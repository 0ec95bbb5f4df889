import { MAX_BROADCAST_BYTES } from '../member-transport.ts';
import { MalformedError, WireReader, WireWriter } from '../wire.ts';
import { type Card, MAX_CARD_BYTES, readCard, writeCard } from './card.ts';

/** The content of a datagram, sealed or not: 1 byte type, the sender's card, the body of a broadcast. */
export interface MemberDatagram {
  readonly card: Card;
  /** Null: the transport's own announcement of itself. */
  readonly body: Uint8Array | null;
}

export function encodeDatagram({ card, body }: MemberDatagram): Uint8Array {
  const writer = new WireWriter(1 + MAX_CARD_BYTES + (body?.length ?? 0));
  writeCard(writer.u8(body === null ? ANNOUNCEMENT : BROADCAST), card);
  if (body !== null) writer.bytes(body);
  return writer.written;
}

/** @throws {MalformedError} */
export function decodeDatagram(content: Uint8Array): MemberDatagram {
  const reader = new WireReader(content);
  const type = reader.u8();
  const card = readCard(reader);
  if (card.port === 0) throw new MalformedError('a sender without a port');
  if (type === ANNOUNCEMENT) {
    reader.end();
    return { card, body: null };
  }
  if (type !== BROADCAST || reader.rest > MAX_BROADCAST_BYTES) throw new MalformedError(`datagram of type ${type}`);
  return { card, body: reader.bytes(reader.rest) };
}

const ANNOUNCEMENT = 0;
const BROADCAST = 1;
