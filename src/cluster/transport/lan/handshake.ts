import type { Incarnation } from '../../consensus/identity.ts';
import { MalformedError, WireReader, WireWriter } from '../wire.ts';
import { MAX_HANDSHAKE_BYTES } from './bounds.ts';
import { type Card, readCard, writeCard } from './card.ts';
import { SALT_BYTES } from './datagram-seal.ts';

/**
 * The transport's own frames; kinds up to MAX_KIND are messages.
 *
 * | frame     | from -> to         | purpose                                                                    |
 * |-----------|--------------------|----------------------------------------------------------------------------|
 * | `hello`   | dialer -> acceptor | who I am, whom I look for, which of our connections I know of                |
 * | `welcome` | acceptor -> dialer | connected; the how many-th connection of this pair of processes this is       |
 * | `refusal` | acceptor -> dialer | not connected, and why; with my card                                        |
 * | `pulse`   | both               | I live; so many datagrams have I sent                                       |
 * | `goodbye` | both               | I close this connection, and why                                            |
 */
export const HELLO = 240;
export const WELCOME = 241;
export const REFUSAL = 242;
export const PULSE = 243;
export const GOODBYE = 244;

export interface Hello {
  readonly card: Card;
  readonly origin: DatagramOrigin;
  /** Whom the dialer expects. */
  readonly to: Incarnation;
  /** Counts the dialer's dials, to anyone: of two hellos the greater one is the later one. */
  readonly dial: number;
  /** How many connections of this acceptor the dialer has accepted in its turn: whether it knows of the one that crosses this hello. */
  readonly accepted: number;
}

export interface Welcome {
  readonly card: Card;
  readonly origin: DatagramOrigin;
  /** What the acceptor counts this connection as, see `Hello.accepted`. */
  readonly ordinal: number;
}

export interface Refusal {
  readonly card: Card;
  readonly reason: RefusalReason;
}

/**
 * `crossed`: my own dial to you is under way or has just succeeded. `foreign`: I belong to another cluster. `not-me`: you look for
 * somebody else. `full`: I know too many already.
 */
export type RefusalReason = (typeof REFUSALS)[number];

/** `stopping`: this run never speaks again. `foreign`: I belong to another cluster now. */
export type GoodbyeReason = (typeof GOODBYES)[number];

/** Which datagrams come from the process at the other end: a proof, since the connection cannot be replayed. */
export interface DatagramOrigin {
  readonly salt: Uint8Array;
  /** The last counter used when this was sent. */
  readonly counter: number;
}

const VERSION = 1;
const REFUSALS = ['crossed', 'foreign', 'not-me', 'full'] as const;
const GOODBYES = ['stopping', 'foreign'] as const;

export function encodeHello({ card, origin, to, dial, accepted }: Hello): Uint8Array {
  const writer = begin(card).bytes(origin.salt).integer(origin.counter);
  return writer.incarnation(to).integer(dial).integer(accepted).written;
}

/** @throws {MalformedError} as all decoders here */
export function decodeHello(body: Uint8Array): Hello {
  return decode(body, (reader) => ({
    card: readCard(reader),
    origin: readOrigin(reader),
    to: reader.incarnation(),
    dial: reader.integer(),
    accepted: reader.integer(),
  }));
}

export function encodeWelcome({ card, origin, ordinal }: Welcome): Uint8Array {
  return begin(card).bytes(origin.salt).integer(origin.counter).integer(ordinal).written;
}

export function decodeWelcome(body: Uint8Array): Welcome {
  return decode(body, (reader) => ({ card: readCard(reader), origin: readOrigin(reader), ordinal: reader.integer() }));
}

export function encodeRefusal({ card, reason }: Refusal): Uint8Array {
  return begin(card).u8(REFUSALS.indexOf(reason)).written;
}

export function decodeRefusal(body: Uint8Array): Refusal {
  return decode(body, (reader) => ({ card: readCard(reader), reason: choose(REFUSALS, reader.u8()) }));
}

export function encodePulse(counter: number): Uint8Array {
  return new WireWriter(8).integer(counter).written;
}

export function decodePulse(body: Uint8Array): number {
  const reader = new WireReader(body);
  const counter = reader.integer();
  reader.end();
  return counter;
}

export function encodeGoodbye(reason: GoodbyeReason): Uint8Array {
  return Uint8Array.of(GOODBYES.indexOf(reason));
}

export function decodeGoodbye(body: Uint8Array): GoodbyeReason {
  const reader = new WireReader(body);
  const reason = choose(GOODBYES, reader.u8());
  reader.end();
  return reason;
}

function begin(card: Card): WireWriter {
  return writeCard(new WireWriter(MAX_HANDSHAKE_BYTES).u8(VERSION), card);
}

function decode<T>(body: Uint8Array, read: (reader: WireReader) => T): T {
  const reader = new WireReader(body);
  const version = reader.u8();
  if (version !== VERSION) throw new MalformedError(`version ${version} of the members' protocol, not ${VERSION}`);
  const fields = read(reader);
  reader.end();
  return fields;
}

function readOrigin(reader: WireReader): DatagramOrigin {
  return { salt: reader.bytes(SALT_BYTES), counter: reader.integer() };
}

function choose<T>(from: readonly T[], which: number): T {
  if (which >= from.length) throw new MalformedError(`value ${which} of ${from.length}`);
  return from[which];
}
