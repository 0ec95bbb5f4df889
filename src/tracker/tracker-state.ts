import type { StateMachine } from '../cluster/replicated-log.ts';
import { Admission } from './admission.ts';
import type { ClusterClock } from './cluster-clock.ts';
import { ConnectionIds } from './connection-ids.ts';
import {
  ADDRESS_BYTES_4,
  ADDRESS_BYTES_6,
  BATCH_HEADER_BYTES,
  batchTime,
  FLAG_COMPLETED,
  FLAG_IPV6,
  OP_ADMISSION_ADD,
  OP_ADMISSION_MODE,
  OP_ADMISSION_REMOVE,
  OP_ANNOUNCE,
  OP_CONTENT,
  OP_EXPIRE,
  OP_FORGET,
  OP_SECRET,
  OP_STOP,
  OP_TOUCH,
  operationLength,
  PEER_ADDRESS,
  PEER_FLAGS,
  PEER_INFO_HASH,
  viewOf,
} from './operations.ts';
import { StateHash } from './swarms/state-hash.ts';
import { nameDigest, SwarmTable } from './swarms/swarm-table.ts';

/**
 * The tracker's state in memory, driven by the log: what a batch of operations does to it. The same operations do
 * the same to the SQLite tables (see database-writer.ts); operations.ts says what each means.
 */
export class TrackerState implements StateMachine {
  readonly table: SwarmTable;
  readonly admission = new Admission();
  readonly clock: ClusterClock;
  /** Undefined until the cluster has a secret. */
  connectionIds: ConnectionIds | undefined;
  /** Batches applied since the start. */
  batches = 0;

  // Operands, aligned as the table wants them.
  readonly #hash = new Int32Array(5);
  readonly #hashBytes = new Uint8Array(this.#hash.buffer);
  readonly #address = new Uint16Array(9);
  readonly #addressBytes = new Uint8Array(this.#address.buffer);

  constructor(clock: ClusterClock, table = new SwarmTable()) {
    this.clock = clock;
    this.table = table;
  }

  /**
   * 64 bits of the contents, their peers, the admission lists and their mode, hexadecimal: equal after the same log, whatever
   * the way there.
   */
  get stateHash(): string {
    return StateHash.ofAll([this.table.hash, this.admission.hash]);
  }

  /** Starts over, as before the first batch, for another state to be loaded; the memory stays for that. */
  reset(): void {
    this.table.clear();
    this.admission.clear();
    this.clock.reset();
    this.connectionIds = undefined;
  }

  apply(_index: bigint, batch: Uint8Array): void {
    const view = viewOf(batch);
    const time = batchTime(batch, view);
    this.clock.advanceTo(time);
    const seen = Math.floor(time / 1000);
    for (let at = BATCH_HEADER_BYTES; at < batch.length; ) {
      const length = operationLength(batch, at);
      this.#applyOperation(batch, view, at, length, seen);
      at += length;
    }
    this.batches++;
  }

  /** @param key of connection IDs, 16 bytes */
  setSecret(key: Uint8Array): void {
    this.connectionIds = new ConnectionIds(key);
  }

  #applyOperation(batch: Uint8Array, view: DataView, at: number, length: number, now: number): void {
    switch (batch[at]) {
      case OP_ANNOUNCE:
      case OP_TOUCH:
      case OP_STOP:
      case OP_EXPIRE:
        this.#applyToPeer(batch, view, at, length, now);
        return;
      case OP_CONTENT: {
        this.#loadHash(batch, at + 1);
        const nameBytes = batch[at + 29];
        const tag = nameDigest(batch, at + 30, nameBytes, view.getFloat64(at + 21, true));
        this.table.setName(this.table.open(this.#hash, 0, now), tag);
        return;
      }
      case OP_FORGET: {
        this.#loadHash(batch, at + 1);
        const swarm = this.table.swarms.find(this.#hash, 0);
        if (swarm >= 0) this.table.forget(swarm);
        return;
      }
      case OP_ADMISSION_MODE:
        this.admission.mode = batch[at + 1];
        return;
      case OP_ADMISSION_ADD:
        this.admission.add(batch[at + 1], batch.subarray(at + 2, at + 22));
        return;
      case OP_ADMISSION_REMOVE:
        this.admission.remove(batch[at + 1], batch.subarray(at + 2, at + 22));
        return;
      case OP_SECRET:
        this.setSecret(batch.slice(at + 1, at + 17));
    }
  }

  #applyToPeer(batch: Uint8Array, view: DataView, at: number, length: number, now: number): void {
    const { table } = this;
    const flags = batch[at + PEER_FLAGS];
    const store = flags & FLAG_IPV6 ? table.peers6 : table.peers4;
    const addressBytes = flags & FLAG_IPV6 ? ADDRESS_BYTES_6 : ADDRESS_BYTES_4;
    this.#loadHash(batch, at + PEER_INFO_HASH);
    for (let i = 0; i < addressBytes; i++) this.#addressBytes[i] = batch[at + PEER_ADDRESS + i];
    if (batch[at] === OP_ANNOUNCE) {
      const left = view.getFloat64(at + length - 8, true);
      const swarm = table.open(this.#hash, 0, now);
      table.announce(swarm, store, this.#address, 0, left === 0, (flags & FLAG_COMPLETED) !== 0, now);
      return;
    }
    const swarm = table.swarms.find(this.#hash, 0);
    if (swarm < 0) return;
    if (batch[at] === OP_TOUCH) table.touch(swarm, store, this.#address, 0, now);
    else if (batch[at] === OP_STOP) table.remove(swarm, store, this.#address, 0, FOREVER, now);
    else table.remove(swarm, store, this.#address, 0, view.getUint32(at + length - 4, true), now);
  }

  #loadHash(batch: Uint8Array, at: number): void {
    for (let i = 0; i < 20; i++) this.#hashBytes[i] = batch[at + i];
  }
}

const FOREVER = 0x7fff_ffff;
