import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { formatIpv4, formatIpv6 } from '../../bittorrent/compact-peers.ts';
import { formatInfoHash, INFO_HASH_BYTES } from '../../bittorrent/info-hash.ts';
import {
  ADDRESS_BYTES_4,
  ADDRESS_BYTES_6,
  ADMISSION_ALLOW,
  ADMISSION_DENY,
  BATCH_HEADER_BYTES,
  batchTime,
  FLAG_COMPLETED,
  FLAG_IPV6,
  OP_ADMISSION_ADD,
  OP_ADMISSION_MODE,
  OP_ADMISSION_REMOVE,
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
} from '../operations.ts';
import { ipv4Locality, ipv4PeerId, ipv6Locality, ipv6PeerId } from './peer-id.ts';

/** Operations that are sorted and applied together; more make another round in the same transaction. */
export const MAX_OPERATIONS_PER_ROUND = 1 << 17;

/**
 * What a batch of operations does to the tables (operations.ts says what each means).
 *
 * The rows of many batches are written in the order of the b-trees instead of the order of the log: a page is then
 * written once and not once a row, which is several times as fast. The result is the same, because operations on one
 * peer of one content stay in the order of the log, so do all those of a content that is forgotten on the way, and
 * all others commute.
 *
 * Everything happens inside the caller's transaction.
 */
export class DatabaseWriter {
  readonly #statements: Statements;
  /** The operations of a round, by sequence number: batch, offset in it, and rows that it added to CONTENTS (-1, 0, 1). */
  readonly #batchOf = new Uint32Array(MAX_OPERATIONS_PER_ROUND);
  readonly #atOf = new Uint32Array(MAX_OPERATIONS_PER_ROUND);
  readonly #rowsOf = new Int8Array(MAX_OPERATIONS_PER_ROUND);
  /** The ids of IPv6 peers, by sequence number: each costs a SHA-256, and is used in both passes. */
  readonly #ipv6IdOf = new BigInt64Array(MAX_OPERATIONS_PER_ROUND);
  /** Sorting: what to sort by, times MAX_OPERATIONS_PER_ROUND, plus the sequence number. Exact: 33 + 17 bits. */
  readonly #keys = new Float64Array(MAX_OPERATIONS_PER_ROUND);
  #batches: readonly Uint8Array[] = [];
  #views: DataView[] = [];
  /** Seconds of cluster time by batch. */
  #seen: number[] = [];
  /** Operations in this round. */
  #count = 0;
  /** Those of them on peers and contents, which are sorted. */
  #sortable = 0;
  readonly #swarm = new CurrentSwarm();

  constructor(db: DatabaseSync) {
    this.#statements = prepare(db);
  }

  /**
   * @returns cluster time of the last batch, milliseconds; undefined without batches
   * @throws {BatchError} a newer program wrote the batch
   */
  apply(batches: readonly Uint8Array[]): number | undefined {
    this.#count = 0;
    this.#sortable = 0;
    this.#batches = batches;
    this.#views = batches.map(viewOf);
    let time: number | undefined;
    this.#seen = batches.map((batch, i) => {
      time = batchTime(batch, this.#views[i]);
      return Math.floor(time / 1000);
    });
    for (let number = 0; number < batches.length; number++) {
      const batch = batches[number];
      for (let at = BATCH_HEADER_BYTES; at < batch.length; ) {
        const length = operationLength(batch, at);
        this.#add(batch, number, at);
        if (this.#count === MAX_OPERATIONS_PER_ROUND) this.#finishRound();
        at += length;
      }
    }
    this.#finishRound();
    this.#batches = [];
    return time;
  }

  #add(batch: Uint8Array, number: number, at: number): void {
    const hashAt = infoHashAt(batch, at);
    if (hashAt < 0) {
      this.#applySetting(batch, at);
      return;
    }
    const sequence = this.#count++;
    this.#batchOf[sequence] = number;
    this.#atOf[sequence] = at;
    this.#rowsOf[sequence] = 0;
    if (batch[at] <= OP_EXPIRE && batch[at + PEER_FLAGS] & FLAG_IPV6) {
      this.#ipv6IdOf[sequence] = ipv6PeerId(batch, at + PEER_ADDRESS);
    }
    this.#keys[this.#sortable++] = prefix(batch, hashAt) * MAX_OPERATIONS_PER_ROUND + sequence;
  }

  #finishRound(): void {
    if (this.#count === 0) return;
    const keys = this.#keys.subarray(0, this.#sortable).sort();
    for (let from = 0, to = 0; from < keys.length; from = to) {
      const swarm = Math.floor(keys[from] / MAX_OPERATIONS_PER_ROUND);
      let forgets = false;
      for (to = from; to < keys.length && Math.floor(keys[to] / MAX_OPERATIONS_PER_ROUND) === swarm; to++) {
        const sequence = keys[to] % MAX_OPERATIONS_PER_ROUND;
        forgets ||= this.#batches[this.#batchOf[sequence]][this.#atOf[sequence]] === OP_FORGET;
      }
      const run = keys.subarray(from, to);
      if (run.length > SMALL_SWARM && !forgets) this.#sortByPeer(run);
      for (let i = 0; i < run.length; i++) this.#applyToSwarm(run[i] % MAX_OPERATIONS_PER_ROUND);
    }
    this.#leaveSwarm();
    this.#writePeers();
    this.#count = 0;
    this.#sortable = 0;
  }

  /** A swarm of many pages is worth sorting itself. */
  #sortByPeer(run: Float64Array): void {
    for (let i = 0; i < run.length; i++) run[i] = this.#peerKey(run[i] % MAX_OPERATIONS_PER_ROUND);
    run.sort();
  }

  #peerKey(sequence: number): number {
    const batch = this.#batches[this.#batchOf[sequence]];
    const at = this.#atOf[sequence];
    if (batch[at] > OP_EXPIRE) return sequence;
    const ipv6 = batch[at + PEER_FLAGS] & FLAG_IPV6;
    const locality = ipv6 ? ipv6Locality(this.#ipv6IdOf[sequence]) : ipv4Locality(batch, at + PEER_ADDRESS);
    return locality * MAX_OPERATIONS_PER_ROUND + sequence;
  }

  #applyToSwarm(sequence: number): void {
    const number = this.#batchOf[sequence];
    const batch = this.#batches[number];
    const at = this.#atOf[sequence];
    const hashAt = infoHashAt(batch, at);
    if (!this.#swarm.is(batch, hashAt)) {
      this.#leaveSwarm();
      this.#swarm.enter(batch, hashAt);
    }
    switch (batch[at]) {
      case OP_CONTENT:
        this.#nameContent(batch, at, this.#views[number]);
        break;
      case OP_FORGET:
        this.#leaveSwarm();
        this.#statements.forget.run(this.#swarm.sha1, this.#swarm.sha1);
        break;
      default:
        this.#rowsOf[sequence] = this.#applyToPeer(sequence, batch, at, this.#views[number], this.#seen[number]);
    }
  }

  /** Returns the rows added to CONTENTS: -1, 0 or 1. */
  #applyToPeer(sequence: number, batch: Uint8Array, at: number, view: DataView, seen: number): number {
    const { insert, update, touch, remove, expire, left: selectLeft, open } = this.#statements;
    const swarm = this.#swarm;
    const flags = batch[at + PEER_FLAGS];
    const ipv6 = (flags & FLAG_IPV6) !== 0;
    const id = ipv6 ? this.#ipv6IdOf[sequence] : ipv4PeerId(batch, at + PEER_ADDRESS);
    const fieldAt = at + PEER_ADDRESS + (ipv6 ? ADDRESS_BYTES_6 : ADDRESS_BYTES_4);
    switch (batch[at]) {
      case OP_STOP:
        return remove.run(swarm.sha1, id).changes === 0n ? 0 : -1;
      case OP_EXPIRE:
        return expire.run(swarm.sha1, id, view.getUint32(fieldAt, true)).changes === 0n ? 0 : -1;
      case OP_TOUCH:
        touch.run(storedLeft(view.getFloat64(fieldAt, true)), seen, swarm.sha1, id);
        return 0;
    }
    if (!swarm.isOpen) {
      open.run(swarm.sha1);
      swarm.isOpen = true;
    }
    const left = storedLeft(view.getFloat64(fieldAt, true));
    if (left === 0 && flags & FLAG_COMPLETED) {
      const before = selectLeft.get(swarm.sha1, id) as { left: bigint } | undefined;
      if (before?.left !== 0n) swarm.completed++;
    }
    if (insert.run(swarm.sha1, id, left, seen).changes === 1n) return 1;
    update.run(left, seen, swarm.sha1, id);
    return 0;
  }

  #nameContent(batch: Uint8Array, at: number, view: DataView): void {
    const nameBytes = batch[at + 29];
    const size = view.getFloat64(at + 21, true);
    this.#statements.name.run(this.#swarm.sha1, batch.subarray(at + 30, at + 30 + nameBytes), size);
  }

  #leaveSwarm(): void {
    const swarm = this.#swarm;
    if (swarm.completed > 0) this.#statements.completed.run(swarm.completed, swarm.sha1);
    swarm.completed = 0;
    swarm.isOpen = false;
  }

  /** Brings PEER_INFO in line with the rows that CONTENTS gained and lost, in the order of the ids. */
  #writePeers(): void {
    let changed = 0;
    for (let sequence = 0; sequence < this.#count; sequence++) {
      if (this.#rowsOf[sequence] !== 0) this.#keys[changed++] = this.#peerKey(sequence);
    }
    const keys = this.#keys.subarray(0, changed).sort();
    const { addPeer, dropPeer, losePeer } = this.#statements;
    for (let i = 0; i < keys.length; i++) {
      const sequence = keys[i] % MAX_OPERATIONS_PER_ROUND;
      const batch = this.#batches[this.#batchOf[sequence]];
      const flagsAt = this.#atOf[sequence] + PEER_FLAGS;
      const ipv6 = (batch[flagsAt] & FLAG_IPV6) !== 0;
      const at = this.#atOf[sequence] + PEER_ADDRESS;
      const id = ipv6 ? this.#ipv6IdOf[sequence] : ipv4PeerId(batch, at);
      if (this.#rowsOf[sequence] > 0) {
        const portAt = at + (ipv6 ? ADDRESS_BYTES_6 : ADDRESS_BYTES_4) - 2;
        const host = ipv6 ? formatIpv6(batch, at) : formatIpv4(batch, at);
        addPeer.run(id, host, (batch[portAt] << 8) | batch[portAt + 1]);
      } else if (dropPeer.run(id).changes === 0n) losePeer.run(id);
    }
  }

  /** What does not belong to a swarm is applied at once: it commutes with everything that does. */
  #applySetting(batch: Uint8Array, at: number): void {
    switch (batch[at]) {
      case OP_ADMISSION_MODE:
        this.#statements.mode.run(batch[at + 1]);
        break;
      case OP_ADMISSION_ADD:
        this.#statements.list.run(listOf(batch, at), formatInfoHash(batch, at + 2));
        break;
      case OP_ADMISSION_REMOVE:
        this.#statements.unlist.run(listOf(batch, at), formatInfoHash(batch, at + 2));
        break;
      case OP_SECRET:
        this.#statements.secret.run(batch.subarray(at + 1, at + 17));
        break;
    }
  }
}

/** Up to so many operations on one swarm are not worth a sort of their own: they touch a few pages at most. */
const SMALL_SWARM = 64;

/** The swarm whose operations are being applied: what is done once for all of them. */
class CurrentSwarm {
  sha1 = '';
  /** Whether its row in SWARM is known to be there. */
  isOpen = false;
  /** Downloads counted and not written yet. */
  completed = 0;
  readonly #infoHash = new Uint8Array(INFO_HASH_BYTES);

  is(batch: Uint8Array, hashAt: number): boolean {
    if (this.sha1 === '') return false;
    for (let i = 0; i < INFO_HASH_BYTES; i++) if (this.#infoHash[i] !== batch[hashAt + i]) return false;
    return true;
  }

  enter(batch: Uint8Array, hashAt: number): void {
    for (let i = 0; i < INFO_HASH_BYTES; i++) this.#infoHash[i] = batch[hashAt + i];
    this.sha1 = formatInfoHash(this.#infoHash);
  }
}

type Statements = ReturnType<typeof prepare>;

/** A statement whose integers are bigints. */
export interface Statement extends Omit<StatementSync, 'run'> {
  run(...values: SQLInputValue[]): { changes: bigint };
}

/**
 * Every statement that is run on the connection of the tables must be prepared like this: each `run` reports the last
 * row id of the connection, and an IPv6 peer's does not fit into a number.
 */
export function prepareWithBigInts(db: DatabaseSync, sql: string): Statement {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement as unknown as Statement;
}

function prepare(db: DatabaseSync) {
  const sql = (text: string) => prepareWithBigInts(db, text);
  return {
    insert: sql('INSERT OR IGNORE INTO CONTENTS (sha1, peer_id, "left", last_seen) VALUES (?, ?, ?, ?)'),
    update: sql('UPDATE CONTENTS SET "left" = ?, last_seen = ? WHERE sha1 = ? AND peer_id = ?'),
    // A touch never turns a leecher into a seeder: that is an announce's to do.
    touch: sql(
      `UPDATE CONTENTS SET "left" = iif((?1 = 0) = ("left" = 0), ?1, "left"), last_seen = ?2 WHERE sha1 = ?3 AND peer_id = ?4`,
    ),
    remove: sql('DELETE FROM CONTENTS WHERE sha1 = ? AND peer_id = ?'),
    expire: sql('DELETE FROM CONTENTS WHERE sha1 = ? AND peer_id = ? AND last_seen <= ?'),
    left: sql('SELECT "left" FROM CONTENTS WHERE sha1 = ? AND peer_id = ?'),
    open: sql('INSERT OR IGNORE INTO SWARM (sha1, completed) VALUES (?, 0)'),
    completed: sql('UPDATE SWARM SET completed = completed + ? WHERE sha1 = ?'),
    // The cast keeps the bytes as they are, even where they are no UTF-8.
    name: sql(
      `INSERT INTO SWARM (sha1, name, size, completed) VALUES (?, CAST(? AS TEXT), ?, 0)
       ON CONFLICT (sha1) DO UPDATE SET name = excluded.name, size = excluded.size WHERE name IS NULL`,
    ),
    forget: sql('DELETE FROM SWARM WHERE sha1 = ? AND NOT EXISTS (SELECT 1 FROM CONTENTS WHERE sha1 = ?)'),
    addPeer: sql(
      `INSERT INTO PEER_INFO (id, host, port, contents) VALUES (?, ?, ?, 1)
       ON CONFLICT (id) DO UPDATE SET contents = contents + 1`,
    ),
    dropPeer: sql('DELETE FROM PEER_INFO WHERE id = ? AND contents = 1'),
    losePeer: sql('UPDATE PEER_INFO SET contents = contents - 1 WHERE id = ?'),
    mode: sql('UPDATE META SET admission_mode = ?'),
    secret: sql('UPDATE META SET secret = ?'),
    list: sql('INSERT OR IGNORE INTO ADMISSION (list, sha1) VALUES (?, ?)'),
    unlist: sql('DELETE FROM ADMISSION WHERE list = ? AND sha1 = ?'),
  };
}

/** Where the info-hash of an operation on a swarm stands; -1 for the other operations. */
function infoHashAt(batch: Uint8Array, at: number): number {
  const code = batch[at];
  if (code <= OP_EXPIRE) return at + PEER_INFO_HASH;
  return code <= OP_FORGET ? at + 1 : -1;
}

function prefix(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** `left` as a column holds it: 0 for a seeder and for nobody else. */
function storedLeft(left: number): number {
  if (left === 0) return 0;
  return left > 0 ? Math.min(Math.ceil(left), Number.MAX_SAFE_INTEGER) : Number.MAX_SAFE_INTEGER;
}

function listOf(batch: Uint8Array, at: number): number {
  return batch[at + 1] === ADMISSION_DENY ? ADMISSION_DENY : ADMISSION_ALLOW;
}
