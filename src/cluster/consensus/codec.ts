import type { Entry } from './entry.ts';
import { type Membership, membershipOf } from './membership.ts';
import type { Envelope, Message, SnapshotMeta } from './messages.ts';

/** Bytes that are no message: truncated, of another version, or with lengths that do not add up. */
export class CodecError extends Error {
  readonly code = 'CONSENSUS_CODEC';
  constructor(what: string) {
    super(`not a consensus message: ${what}`);
    this.name = 'CodecError';
  }
}

/**
 * A message in bytes, for transports. Layout: version u8, type u8, then cluster, from, to (u16 length + UTF-8), boot u32,
 * nonce u32, term f64, then the fields of the type in the order of `messages.ts`. Indexes, terms and times are f64,
 * which holds every safe integer; lists have a u16 or u32 count, data a u32 length. All big-endian.
 */
export function encodeMessage(message: Message): Uint8Array {
  const out = new Writer();
  out.u8(VERSION);
  out.u8(TYPES.indexOf(message.type));
  out.text(message.cluster);
  out.text(message.from);
  out.text(message.to);
  out.u32(message.boot);
  out.u32(message.nonce);
  out.number(message.term);
  encodeBody(out, message);
  return out.finish();
}

/**
 * The reverse. Allocates nothing that the bytes do not contain; `data` shares their memory.
 *
 * @throws {CodecError}
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const from = new Reader(bytes);
  if (from.u8() !== VERSION)
    throw new CodecError(`its version is not ${VERSION}; run the same release on every instance`);
  const type = TYPES[from.u8()];
  if (type === undefined) throw new CodecError('its type is unknown');
  const envelope = {
    cluster: from.text(),
    from: from.text(),
    to: from.text(),
    boot: from.u32(),
    nonce: from.u32(),
    term: from.number(),
  };
  const message = decodeBody(from, type, envelope);
  from.end();
  return message;
}

/** An entry in bytes: index f64, term f64, kind u8, then data or membership. */
export function encodeEntry(entry: Entry): Uint8Array {
  const out = new Writer();
  writeEntry(out, entry);
  return out.finish();
}

/** @throws {CodecError} */
export function decodeEntry(bytes: Uint8Array): Entry {
  const from = new Reader(bytes);
  const entry = readEntry(from);
  from.end();
  return entry;
}

const VERSION = 1;
/** The position is the number on the wire: append only. */
const TYPES: readonly Message['type'][] = [
  'pre-vote',
  'pre-vote-reply',
  'vote',
  'vote-reply',
  'append',
  'append-ack',
  'append-reject',
  'snapshot-chunk',
  'snapshot-ack',
  'timeout-now',
  'hello',
  'welcome',
  'refused',
  'join',
];
const KINDS: readonly Entry['kind'][] = ['batch', 'noop', 'membership'];
const NO_DATA = new Uint8Array(0);

function encodeBody(out: Writer, message: Message): void {
  switch (message.type) {
    case 'pre-vote':
    case 'vote':
      out.number(message.lastIndex);
      out.number(message.lastTerm);
      if (message.type === 'vote') out.flag(message.transfer);
      return;
    case 'pre-vote-reply':
      out.flag(message.granted);
      out.number(message.asked);
      return;
    case 'vote-reply':
      out.flag(message.granted);
      return;
    case 'append':
      out.number(message.stamp);
      out.number(message.prevIndex);
      out.number(message.prevTerm);
      out.number(message.commit);
      out.u32(message.entries.length);
      out.expect(entriesBytes(message.entries));
      for (const entry of message.entries) writeEntry(out, entry);
      return;
    case 'append-ack':
      out.number(message.stamp);
      out.number(message.match);
      return;
    case 'append-reject':
      out.number(message.stamp);
      out.number(message.prevIndex);
      out.number(message.hintIndex);
      out.number(message.hintTerm);
      return;
    case 'snapshot-chunk':
      out.number(message.stamp);
      writeMeta(out, message.meta);
      out.number(message.offset);
      out.flag(message.last);
      out.expect(4 + message.data.length);
      out.data(message.data);
      return;
    case 'snapshot-ack':
      out.number(message.index);
      out.number(message.next);
      return;
    case 'welcome':
      out.u32(message.welcomedBoot);
      out.u32(message.welcomedNonce);
      out.flag(message.byMaster);
      return;
    case 'refused':
      out.u32(message.refusedBoot);
      out.u32(message.refusedNonce);
      return;
    case 'timeout-now':
    case 'hello':
    case 'join':
      return;
  }
}

function decodeBody(from: Reader, type: Message['type'], envelope: Envelope): Message {
  switch (type) {
    case 'pre-vote':
      return { type, ...envelope, lastIndex: from.number(), lastTerm: from.number() };
    case 'vote':
      return { type, ...envelope, lastIndex: from.number(), lastTerm: from.number(), transfer: from.flag() };
    case 'pre-vote-reply':
      return { type, ...envelope, granted: from.flag(), asked: from.number() };
    case 'vote-reply':
      return { type, ...envelope, granted: from.flag() };
    case 'append': {
      const head = { stamp: from.number(), prevIndex: from.number(), prevTerm: from.number(), commit: from.number() };
      const entries: Entry[] = [];
      for (let count = from.u32(); count > 0; count--) {
        const entry = readEntry(from);
        if (entry.index !== head.prevIndex + entries.length + 1)
          throw new CodecError('its entries are not consecutive');
        entries.push(entry);
      }
      return { type, ...envelope, ...head, entries };
    }
    case 'append-ack':
      return { type, ...envelope, stamp: from.number(), match: from.number() };
    case 'append-reject': {
      const stamp = from.number();
      return { type, ...envelope, stamp, prevIndex: from.number(), hintIndex: from.number(), hintTerm: from.number() };
    }
    case 'snapshot-chunk': {
      const stamp = from.number();
      const meta = readMeta(from);
      return { type, ...envelope, stamp, meta, offset: from.number(), last: from.flag(), data: from.data() };
    }
    case 'snapshot-ack':
      return { type, ...envelope, index: from.number(), next: from.number() };
    case 'welcome':
      return { type, ...envelope, welcomedBoot: from.u32(), welcomedNonce: from.u32(), byMaster: from.flag() };
    case 'refused':
      return { type, ...envelope, refusedBoot: from.u32(), refusedNonce: from.u32() };
    case 'timeout-now':
    case 'hello':
    case 'join':
      return { type, ...envelope };
  }
}

function writeEntry(out: Writer, { index, term, kind, data, membership }: Entry): void {
  out.number(index);
  out.number(term);
  out.u8(KINDS.indexOf(kind));
  if (membership !== null) writeMembership(out, membership);
  else if (kind === 'batch') out.data(data);
}

/** What `writeEntry` takes for them, but for memberships, which are few. */
function entriesBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const { kind, data } of entries) bytes += 8 + 8 + 1 + (kind === 'batch' ? 4 + data.length : 0);
  return bytes;
}

function readEntry(from: Reader): Entry {
  const index = from.number();
  const term = from.number();
  const kind = KINDS[from.u8()];
  if (kind === undefined) throw new CodecError('an entry has an unknown kind');
  const membership = kind === 'membership' ? readMembership(from) : null;
  return { index, term, kind, data: kind === 'batch' ? from.data() : NO_DATA, membership };
}

function writeMeta(out: Writer, { index, term, membership }: SnapshotMeta): void {
  out.number(index);
  out.number(term);
  writeMembership(out, membership);
}

function readMeta(from: Reader): SnapshotMeta {
  return { index: from.number(), term: from.number(), membership: readMembership(from) };
}

function writeMembership(out: Writer, { voters, learners }: Membership): void {
  for (const list of [voters, learners]) {
    out.u16(list.length);
    for (const id of list) out.text(id);
  }
}

function readMembership(from: Reader): Membership {
  const list = () => {
    const ids: string[] = [];
    for (let count = from.u16(); count > 0; count--) ids.push(from.text());
    return ids;
  };
  return membershipOf(list(), list());
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

class Writer {
  private bytes = new Uint8Array(256);
  private view = new DataView(this.bytes.buffer);
  private at = 0;

  u8(value: number): void {
    const at = this.room(1);
    this.view.setUint8(at, value);
  }
  u16(value: number): void {
    const at = this.room(2);
    this.view.setUint16(at, value);
  }
  u32(value: number): void {
    const at = this.room(4);
    this.view.setUint32(at, value);
  }
  number(value: number): void {
    const at = this.room(8);
    this.view.setFloat64(at, value);
  }
  flag(value: boolean): void {
    this.u8(value ? 1 : 0);
  }
  text(value: string): void {
    const bytes = encoder.encode(value);
    this.u16(bytes.length);
    const at = this.room(bytes.length);
    this.bytes.set(bytes, at);
  }
  data(value: Uint8Array): void {
    this.u32(value.length);
    const at = this.room(value.length);
    this.bytes.set(value, at);
  }
  /** So many bytes will follow: no more is allocated than that. */
  expect(count: number): void {
    if (this.at + count > this.bytes.length) this.resize(this.at + count);
  }
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.at);
  }

  /** @returns where `count` bytes may be written; `bytes` and `view` may be other ones afterwards. */
  private room(count: number): number {
    const start = this.at;
    this.at += count;
    if (this.at > this.bytes.length) this.resize(Math.max(this.at, 2 * this.bytes.length));
    return start;
  }

  private resize(length: number): void {
    const bigger = new Uint8Array(length);
    bigger.set(this.bytes);
    this.bytes = bigger;
    this.view = new DataView(bigger.buffer);
  }
}

class Reader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.view.getUint8(this.pass(1));
  }
  u16(): number {
    return this.view.getUint16(this.pass(2));
  }
  u32(): number {
    return this.view.getUint32(this.pass(4));
  }
  number(): number {
    const value = this.view.getFloat64(this.pass(8));
    if (Number.isNaN(value)) throw new CodecError('a number is none');
    return value;
  }
  flag(): boolean {
    return this.u8() !== 0;
  }
  text(): string {
    const length = this.u16();
    const start = this.pass(length);
    try {
      return decoder.decode(this.bytes.subarray(start, start + length));
    } catch {
      throw new CodecError('a name is not UTF-8');
    }
  }
  data(): Uint8Array {
    const length = this.u32();
    const start = this.pass(length);
    return this.bytes.subarray(start, start + length);
  }
  end(): void {
    if (this.at !== this.bytes.length) throw new CodecError(`${this.bytes.length - this.at} bytes are left over`);
  }

  /** @returns where the next `count` bytes begin, which must be there. */
  private pass(count: number): number {
    const start = this.at;
    if (start + count > this.bytes.length) throw new CodecError('it ends too early');
    this.at += count;
    return start;
  }
}
