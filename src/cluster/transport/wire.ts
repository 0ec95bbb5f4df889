import { ENDPOINT_ADDRESS, ENDPOINT_BYTES } from '../../net/datagram-slots.ts';
import { endpointHost, familyOf, writeEndpoint } from '../../net/socket-address.ts';
import type { Incarnation } from '../consensus/identity.ts';

/**
 * Fields of small binary messages, in network order. Every length is checked before anything is read or allocated, and
 * a message that has bytes left at its end is as wrong as one that is too short.
 */

/** The bytes are not what their sender's format says. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
  readonly code = 'MALFORMED';
}

export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  /** A view of the next bytes, no copy. */
  bytes(count: number): Uint8Array {
    if (count > this.rest) throw new MalformedError(`${count} bytes wanted, ${this.rest} left`);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  u8(): number {
    return this.bytes(1)[0];
  }

  u16(): number {
    this.bytes(2);
    return this.#view.getUint16(this.#at - 2);
  }

  u32(): number {
    this.bytes(4);
    return this.#view.getUint32(this.#at - 4);
  }

  /** A whole number up to 2^53 - 1. */
  integer(): number {
    this.bytes(8);
    const value = Number(this.#view.getBigUint64(this.#at - 8));
    if (!Number.isSafeInteger(value)) throw new MalformedError('number beyond 2^53');
    return value;
  }

  /** UTF-8 behind its length in one byte. */
  text(maxBytes: number): string {
    const length = this.u8();
    if (length > maxBytes) throw new MalformedError(`text of ${length} bytes where ${maxBytes} are allowed`);
    try {
      return UTF8.decode(this.bytes(length));
    } catch {
      throw new MalformedError('text is not UTF-8');
    }
  }

  /** In the usual form, lower case. */
  uuid(): string {
    const hex = Buffer.from(this.bytes(UUID_BYTES)).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** Null for all zeros. */
  uuidOrNone(): string | null {
    const uuid = this.uuid();
    return uuid === NIL_UUID ? null : uuid;
  }

  incarnation(): Incarnation {
    return { member: this.uuid(), boot: this.integer(), nonce: this.integer() };
  }

  /** An IP address in its usual text form. */
  host(): string {
    const family = this.u8();
    if (family !== 4 && family !== 6) throw new MalformedError(`address family ${family}`);
    const endpoint = new Uint8Array(ENDPOINT_BYTES);
    endpoint.set(this.bytes(ADDRESS_BYTES[family]), ENDPOINT_ADDRESS[family]);
    return endpointHost(endpoint, 0, family);
  }

  end(): void {
    if (this.rest > 0) throw new MalformedError(`${this.rest} bytes too many`);
  }
}

/** Writes into memory of a fixed size; what does not fit is the caller's mistake (RangeError). */
export class WireWriter {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(maxBytes: number) {
    this.#bytes = Buffer.alloc(maxBytes);
  }

  /** What was written. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  bytes(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  u8(value: number): this {
    this.#at = this.#bytes.writeUInt8(value, this.#at);
    return this;
  }

  u16(value: number): this {
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
    return this;
  }

  integer(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${value} is no whole number from 0 to 2^53 - 1`);
    this.#at = this.#bytes.writeBigUInt64BE(BigInt(value), this.#at);
    return this;
  }

  text(value: string, maxBytes: number): this {
    const bytes = Buffer.from(value);
    if (bytes.length > maxBytes) throw new RangeError(`"${value}" is longer than ${maxBytes} bytes`);
    return this.u8(bytes.length).bytes(bytes);
  }

  uuid(value: string): this {
    if (!UUID.test(value)) throw new RangeError(`${value} is no UUID`);
    return this.bytes(Buffer.from(value.replaceAll('-', ''), 'hex'));
  }

  uuidOrNone(value: string | null): this {
    return this.uuid(value ?? NIL_UUID);
  }

  incarnation({ member, boot, nonce }: Incarnation): this {
    return this.uuid(member).integer(boot).integer(nonce);
  }

  host(value: string): this {
    const family = familyOf(value);
    if (family === undefined) throw new RangeError(`${value} is no IP address`);
    const endpoint = new Uint8Array(ENDPOINT_BYTES);
    writeEndpoint(endpoint, 0, family, value, 0);
    const from = ENDPOINT_ADDRESS[family];
    return this.u8(family).bytes(endpoint.subarray(from, from + ADDRESS_BYTES[family]));
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
const ADDRESS_BYTES = { 4: 4, 6: 16 } as const;
const UUID_BYTES = 16;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const NIL_UUID = '00000000-0000-0000-0000-000000000000';
