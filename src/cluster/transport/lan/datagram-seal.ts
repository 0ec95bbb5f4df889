import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { deriveKey, type MemberKey } from '../member-key.ts';
import { MAX_PEERS } from '../member-transport.ts';

/**
 * Datagrams as they travel:
 *
 * | bytes | field                                                              |
 * |-------|--------------------------------------------------------------------|
 * | 4     | `SwK` and the version, 1                                           |
 * | 1     | 1: sealed, 0: plain                                                |
 * | 16    | salt: drawn anew by every process                                  |
 * | 8     | counter: 1, 2, 3, ... within a process                             |
 * | n     | content, encrypted if sealed                                       |
 * | 16    | tag, if sealed: of everything above                                |
 *
 * Sealed by ChaCha20-Poly1305 under HMAC-SHA256(datagram key, salt). As every process has a key of its own, its counter
 * can serve as the nonce: none is ever used twice, without anything on disk, and no clock is read.
 */
export class DatagramSeal {
  /** This process, as receivers know it. */
  readonly salt: Uint8Array = randomBytes(SALT_BYTES);
  /** The last one used. */
  counter = 0;
  readonly #secret: Buffer | null;
  readonly #ownKey: Buffer | null;
  /** Keys of senders by salt, the newest last. */
  readonly #keys = new Map<string, Buffer>();

  constructor(key: MemberKey | null, clusterName: string) {
    this.#secret = key === null ? null : deriveKey(key, clusterName, 'datagrams');
    this.#ownKey = this.#secret === null ? null : senderKey(this.#secret, this.salt);
  }

  seal(content: Uint8Array): Uint8Array {
    const head = Buffer.alloc(HEAD_BYTES);
    head.set(MAGIC);
    head[SEALED_AT] = this.#ownKey === null ? 0 : 1;
    head.set(this.salt, SALT_AT);
    head.writeBigUInt64BE(BigInt(++this.counter), COUNTER_AT);
    if (this.#ownKey === null) return Buffer.concat([head, content]);
    const cipher = createCipheriv(CIPHER, this.#ownKey, nonceOf(head), { authTagLength: TAG_BYTES });
    cipher.setAAD(head, { plaintextLength: content.length });
    return Buffer.concat([head, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
  }

  /** Says nothing about whether it was heard before: see ReplayWindow. */
  open(datagram: Uint8Array): Opened | Unopened {
    if (datagram.length < HEAD_BYTES || datagram.length > MAX_DATAGRAM_BYTES) return 'malformed';
    const head = Buffer.from(datagram.buffer, datagram.byteOffset, HEAD_BYTES);
    if (!MAGIC.every((byte, i) => head[i] === byte)) return 'malformed';
    const salt = head.subarray(SALT_AT, COUNTER_AT);
    if (salt.equals(this.salt)) return 'own';
    if (head[SEALED_AT] !== (this.#secret === null ? 0 : 1)) return 'forged';
    const counter = Number(head.readBigUInt64BE(COUNTER_AT));
    if (!Number.isSafeInteger(counter)) return 'malformed';
    const from = salt.toString('latin1');
    const body = datagram.subarray(HEAD_BYTES);
    if (this.#secret === null) return { salt: from, counter, content: Uint8Array.from(body) };
    if (body.length < TAG_BYTES) return 'malformed';
    const known = this.#keys.get(from);
    const key = known ?? senderKey(this.#secret, salt);
    try {
      const decipher = createDecipheriv(CIPHER, key, nonceOf(head), { authTagLength: TAG_BYTES });
      decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
      decipher.setAAD(head, { plaintextLength: body.length - TAG_BYTES });
      const content = decipher.update(body.subarray(0, body.length - TAG_BYTES));
      decipher.final();
      // Only senders that hold the key are remembered.
      if (known === undefined) this.#remember(from, key);
      return { salt: from, counter, content };
    } catch {
      return 'forged';
    }
  }

  #remember(salt: string, key: Buffer): void {
    this.#keys.set(salt, key);
    if (this.#keys.size > MAX_PEERS) this.#keys.delete(this.#keys.keys().next().value as string);
  }
}

export interface Opened {
  /** The sending process. */
  readonly salt: string;
  readonly counter: number;
  readonly content: Uint8Array;
}

/** `own`: sent by this process. `forged`: without the key, changed on the way, or sealed where nothing is. */
export type Unopened = 'own' | 'malformed' | 'forged';

export const SALT_BYTES = 16;
const MAGIC = Buffer.from('SwK\u0001', 'latin1');
const SEALED_AT = 4;
const SALT_AT = 5;
const COUNTER_AT = SALT_AT + SALT_BYTES;
const HEAD_BYTES = COUNTER_AT + 8;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const CIPHER = 'chacha20-poly1305';
/** Fits an Ethernet frame over IPv6 through a tunnel or two. */
export const MAX_DATAGRAM_BYTES = 1_200;

function senderKey(secret: Buffer, salt: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(salt).digest();
}

function nonceOf(head: Buffer): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  head.copy(nonce, NONCE_BYTES - 8, COUNTER_AT, HEAD_BYTES);
  return nonce;
}
