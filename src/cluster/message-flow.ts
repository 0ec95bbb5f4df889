/** The largest message that one instance sends another (`ReplicatedLog.send`). */
export const MAX_MEMBER_MESSAGE_BYTES = 256 << 10;
/** Messages between one client and the log thread, in each direction; further ones are lost. */
export const MAX_FLOW_BYTES = 4 << 20;
/** Bytes that may wait for one member before messages to it are lost; consensus never waits behind more of them than that. */
export const MAX_MESSAGES_QUEUED_BYTES = 1 << 20;

/**
 * Bytes of messages that one thread has posted to another and that were not received there yet. A port would take any
 * number of them while the receiver is busy.
 */
export class MessageFlow {
  readonly buffer: SharedArrayBuffer;
  readonly #waiting: Int32Array;

  constructor(buffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#waiting = new Int32Array(buffer);
  }

  /** For the sender, before it posts. @returns false: too much is under way, the message must be dropped */
  admits(bytes: number): boolean {
    if (Atomics.load(this.#waiting, 0) + bytes > MAX_FLOW_BYTES) return false;
    Atomics.add(this.#waiting, 0, bytes);
    return true;
  }

  /** For the receiver. */
  received(bytes: number): void {
    Atomics.sub(this.#waiting, 0, bytes);
  }
}

/** The bytes with a buffer of their own, which can be transferred: a view into a larger buffer is copied. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const own = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength;
  return own ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}
