/**
 * The state machine's operations as packed bytes: what a log entry holds.
 *
 * A batch is a header (version, cluster time) and operations back to back, each a code byte and fixed fields.
 * Everything a replica needs stands in the bytes: applying the same batches gives the same state anywhere.
 * All integers are little-endian; addresses keep the network order in which they came.
 *
 * | code            | fields after the code                             | effect                                            |
 * |-----------------|---------------------------------------------------|---------------------------------------------------|
 * | ANNOUNCE        | flags 1, info-hash 20, address 6 or 18, left 8     | adds the peer or changes its state                |
 * | TOUCH           | flags 1, info-hash 20, address 6 or 18, left 8     | freshens a peer that is there; never adds one     |
 * | STOP            | flags 1, info-hash 20, address 6 or 18             | removes the peer                                  |
 * | EXPIRE          | flags 1, info-hash 20, address 6 or 18, cutoff 4   | removes the peer if it was last seen by `cutoff`  |
 * | CONTENT         | info-hash 20, size 8, name length 1, name          | names the content, unless it has a name           |
 * | FORGET          | info-hash 20                                      | drops a swarm without peers                       |
 * | ADMISSION_MODE  | mode 1                                            | open, allow-list or deny-list                     |
 * | ADMISSION_ADD   | list 1, info-hash 20                              | puts the info-hash on the list                    |
 * | ADMISSION_REMOVE| list 1, info-hash 20                              | takes it off                                      |
 * | SECRET          | key 16                                            | the key of connection IDs                         |
 *
 * Sizes are float64 (exact to 2^53; `left` beyond that is clamped). Cutoffs are seconds of cluster time.
 */

export const BATCH_VERSION = 1;
/** version 1, reserved 7 (zero), cluster time 8 (float64 milliseconds). */
export const BATCH_HEADER_BYTES = 16;

export const OP_ANNOUNCE = 1;
export const OP_TOUCH = 2;
export const OP_STOP = 3;
export const OP_EXPIRE = 4;
export const OP_CONTENT = 5;
export const OP_FORGET = 6;
export const OP_ADMISSION_MODE = 7;
export const OP_ADMISSION_ADD = 8;
export const OP_ADMISSION_REMOVE = 9;
export const OP_SECRET = 10;

/** Flags of the operations on peers. */
export const FLAG_IPV6 = 1;
/** The peer said `completed`: counts as a download if it was not a seeder before. */
export const FLAG_COMPLETED = 2;

/** Where the fields of an operation on a peer stand, from its code byte. */
export const PEER_FLAGS = 1;
export const PEER_INFO_HASH = 2;
export const PEER_ADDRESS = 22;

/** Bytes of a compact peer: address and port in network order (BEP 23, BEP 7). */
export const ADDRESS_BYTES_4 = 6;
export const ADDRESS_BYTES_6 = 18;

/** No operation is longer; a batch with this much room takes any one more. */
export const MAX_OPERATION_BYTES = 512;

export const ADMISSION_OPEN = 0;
export const ADMISSION_ALLOW = 1;
export const ADMISSION_DENY = 2;

/** Longest name of a content, bytes of UTF-8. */
export const MAX_NAME_BYTES = 255;
/** Size of a content nobody told. */
export const UNKNOWN_SIZE = -1;

/** A batch that cannot be read: corruption, or a newer version of the program wrote it. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
  readonly code = 'BAD_BATCH';
}

/** Builds one batch in a buffer of fixed capacity. */
export class BatchWriter {
  /** The buffer; replaced by each `take`. */
  #bytes: Uint8Array;
  #view: DataView;
  #length = BATCH_HEADER_BYTES;
  #operations = 0;
  readonly #capacity: number;

  constructor(capacityBytes: number) {
    this.#capacity = capacityBytes;
    this.#bytes = new Uint8Array(capacityBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Operations written since the last `take`. */
  get operations(): number {
    return this.#operations;
  }

  /** Whether one more operation of any kind fits. */
  get hasRoom(): boolean {
    return this.#length + MAX_OPERATION_BYTES <= this.#capacity;
  }

  /**
   * ANNOUNCE or TOUCH.
   * @param infoHash source of the 20 bytes, at `hashAt`
   * @param address source of the compact address (6 or 18 bytes), at `addressAt`
   */
  peer(
    code: number,
    flags: number,
    infoHash: Uint8Array,
    hashAt: number,
    address: Uint8Array,
    addressAt: number,
    left: number,
  ): void {
    this.#peerHead(code, flags, infoHash, hashAt, address, addressAt);
    this.#view.setFloat64(this.#length, left, true);
    this.#length += 8;
  }

  stop(flags: number, infoHash: Uint8Array, hashAt: number, address: Uint8Array, addressAt: number): void {
    this.#peerHead(OP_STOP, flags, infoHash, hashAt, address, addressAt);
  }

  /** @param cutoff seconds of cluster time: the peer goes only if it was not seen after it */
  expire(
    flags: number,
    infoHash: Uint8Array,
    hashAt: number,
    address: Uint8Array,
    addressAt: number,
    cutoff: number,
  ): void {
    this.#peerHead(OP_EXPIRE, flags, infoHash, hashAt, address, addressAt);
    this.#view.setUint32(this.#length, cutoff, true);
    this.#length += 4;
  }

  /** @param name UTF-8, at most MAX_NAME_BYTES */
  content(infoHash: Uint8Array, hashAt: number, size: number, name: Uint8Array): void {
    if (name.length > MAX_NAME_BYTES)
      throw new RangeError(`a name of ${name.length} bytes is longer than ${MAX_NAME_BYTES}`);
    this.#code(OP_CONTENT);
    this.#copy(infoHash, hashAt, 20);
    this.#view.setFloat64(this.#length, size, true);
    this.#length += 8;
    this.#bytes[this.#length++] = name.length;
    this.#bytes.set(name, this.#length);
    this.#length += name.length;
  }

  forget(infoHash: Uint8Array, hashAt: number): void {
    this.#code(OP_FORGET);
    this.#copy(infoHash, hashAt, 20);
  }

  admissionMode(mode: number): void {
    this.#code(OP_ADMISSION_MODE);
    this.#bytes[this.#length++] = mode;
  }

  /** ADMISSION_ADD or ADMISSION_REMOVE. */
  admission(code: number, list: number, infoHash: Uint8Array): void {
    this.#code(code);
    this.#bytes[this.#length++] = list;
    this.#copy(infoHash, 0, 20);
  }

  secret(key: Uint8Array): void {
    this.#code(OP_SECRET);
    this.#copy(key, 0, 16);
  }

  /** Finishes the batch: its bytes, exactly as long as it is, now the caller's. */
  take(clusterTimeMs: number): Uint8Array {
    this.#view.setUint8(0, BATCH_VERSION);
    this.#view.setFloat64(8, clusterTimeMs, true);
    const batch = this.#bytes.slice(0, this.#length);
    this.#length = BATCH_HEADER_BYTES;
    this.#operations = 0;
    return batch;
  }

  #code(code: number): void {
    this.#bytes[this.#length++] = code;
    this.#operations++;
  }

  #peerHead(code: number, flags: number, infoHash: Uint8Array, hashAt: number, address: Uint8Array, addressAt: number) {
    this.#code(code);
    this.#bytes[this.#length++] = flags;
    this.#copy(infoHash, hashAt, 20);
    this.#copy(address, addressAt, flags & FLAG_IPV6 ? ADDRESS_BYTES_6 : ADDRESS_BYTES_4);
  }

  #copy(from: Uint8Array, at: number, count: number): void {
    const bytes = this.#bytes;
    let to = this.#length;
    for (let i = 0; i < count; i++) bytes[to++] = from[at + i];
    this.#length = to;
  }
}

/** Cluster time of a batch, milliseconds. Throws BatchError where the header is not one of ours. */
export function batchTime(batch: Uint8Array, view = viewOf(batch)): number {
  if (batch.length < BATCH_HEADER_BYTES) throw new BatchError(`a batch of ${batch.length} bytes has no header`);
  if (batch[0] !== BATCH_VERSION)
    throw new BatchError(`a batch of version ${batch[0]}; this program reads version ${BATCH_VERSION}: upgrade it`);
  return view.getFloat64(8, true);
}

/** Bytes of the operation at `at`, its code included. Throws BatchError where it is unknown or cut off. */
export function operationLength(batch: Uint8Array, at: number): number {
  const length = lengthByCode(batch, at);
  if (at + length > batch.length) throw new BatchError(`the operation at byte ${at} is cut off`);
  return length;
}

function lengthByCode(batch: Uint8Array, at: number): number {
  const addressBytes = batch[at + PEER_FLAGS] & FLAG_IPV6 ? ADDRESS_BYTES_6 : ADDRESS_BYTES_4;
  switch (batch[at]) {
    case OP_ANNOUNCE:
    case OP_TOUCH:
      return PEER_ADDRESS + addressBytes + 8;
    case OP_STOP:
      return PEER_ADDRESS + addressBytes;
    case OP_EXPIRE:
      return PEER_ADDRESS + addressBytes + 4;
    case OP_CONTENT:
      return 30 + (batch[at + 29] ?? 0);
    case OP_FORGET:
      return 21;
    case OP_ADMISSION_MODE:
      return 2;
    case OP_ADMISSION_ADD:
    case OP_ADMISSION_REMOVE:
      return 22;
    case OP_SECRET:
      return 17;
    default:
      throw new BatchError(`operation ${batch[at]} at byte ${at} is unknown to this version; upgrade the program`);
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
