import type { DatabaseSync } from 'node:sqlite';
import { IPV4_PEER_BYTES, IPV6_BYTES, IPV6_PEER_BYTES } from '../../bittorrent/compact-peers.ts';
import { InfoHashError, parseInfoHash } from '../../bittorrent/info-hash.ts';
import { closeQuietly, corruption, openSqliteReader, storageError } from '../../cluster/storage/sqlite-file.ts';
import { FIRST_IPV6_ID, IPV4_ID_END } from './peer-id.ts';
import { TABLES_FORMAT } from './schema.ts';

/** The state that is not about swarms. */
export interface TablesMeta {
  /** The log entry that the tables show. */
  readonly appliedIndex: bigint;
  /** Cluster time of that entry, milliseconds. */
  readonly clusterTimeMs: number;
  /** ADMISSION_OPEN, ADMISSION_ALLOW or ADMISSION_DENY. */
  readonly admissionMode: number;
  /** The key of connection IDs, 16 bytes; undefined until the cluster has one. */
  readonly secret: Uint8Array | undefined;
}

/** Takes the tables into memory. Arrays are lent for the time of the call. */
export interface TablesSink {
  /** The first call. */
  meta(meta: TablesMeta): void;
  admission(list: number, infoHash: Uint8Array): void;
  /** @param name bytes of UTF-8; undefined where nobody named the content */
  swarm(infoHash: Uint8Array, completed: number, name: Uint8Array | undefined, size: number): void;
  /**
   * Peers of a swarm that `swarm` was called for; a large swarm comes in several calls.
   * @param addresses compact peers, 6 or 18 bytes each
   * @param lastSeen seconds of cluster time
   * @param seeders 1 for a seeder, 0 for a leecher
   */
  peers(
    infoHash: Uint8Array,
    family: 4 | 6,
    count: number,
    addresses: Uint8Array,
    lastSeen: Uint32Array,
    seeders: Uint8Array,
  ): void;
}

/**
 * Reads all tables as of one moment, beside whoever writes them.
 *
 * A row a peer would be a JavaScript call a peer. SQLite packs the peers of a swarm into one value instead, which is
 * more than twice as fast, in pages so that a swarm of millions needs no more memory than others.
 * @throws {StorageError} the file cannot be read, or is damaged
 */
export function loadTables(path: string, sink: TablesSink): void {
  for (const _ of loadTablesInPages(path, sink));
}

/** The same, with a pause after each page of some ten milliseconds; the moment stays the one at which it began. */
export function* loadTablesInPages(path: string, sink: TablesSink): Generator<void, void> {
  const db = openSqliteReader(path, TABLES_FORMAT);
  try {
    // IPv6 peers are looked up one by one all over the table: a third of the time would go into copies of its pages.
    db.exec(`PRAGMA mmap_size = ${MAPPED_BYTES}`);
    db.exec('BEGIN');
    sink.meta(readMeta(db));
    loadAdmission(db, sink);
    loadSwarms(db, sink);
    yield* loadIpv4Peers(db, sink);
    yield* loadIpv6Peers(db, sink);
    db.exec('COMMIT');
  } catch (error) {
    // What the sink throws is its own business.
    if (error instanceof InfoHashError) throw storageError(path, TABLES_FORMAT.what, corruption(error.message));
    if (error instanceof Error && 'errcode' in error) throw storageError(path, TABLES_FORMAT.what, error);
    throw error;
  } finally {
    closeQuietly(db);
  }
}

export function readMeta(db: DatabaseSync): TablesMeta {
  const row = db.prepare('SELECT applied_index, cluster_time, admission_mode, secret FROM META').get() as {
    applied_index: number;
    cluster_time: number;
    admission_mode: number;
    secret: Uint8Array | null;
  };
  return {
    appliedIndex: BigInt(row.applied_index),
    clusterTimeMs: row.cluster_time,
    admissionMode: row.admission_mode,
    secret: row.secret ?? undefined,
  };
}

/** Of the file, at most; more is read as usual. */
const MAPPED_BYTES = 1 << 30;
/** Peers of one page of CONTENTS. */
const PAGE_PEERS = 1 << 16;
/** A peer as the query packs it: 1 for a seeder, address and port, last seen; all in network order. */
const PACKED_BYTES = 1 + IPV4_PEER_BYTES + 4;

function loadAdmission(db: DatabaseSync, sink: TablesSink): void {
  for (const [list, sha1] of rows<[number, string]>(db, 'SELECT list, sha1 FROM ADMISSION')) {
    sink.admission(list, parseInfoHash(sha1));
  }
}

function loadSwarms(db: DatabaseSync, sink: TablesSink): void {
  // Sizes are float64 in the log; as integers those above 2^53 could not be read.
  const sql = 'SELECT sha1, completed, CAST(name AS BLOB), CAST(size AS REAL) FROM SWARM';
  for (const [sha1, completed, name, size] of rows<[string, number, Uint8Array | null, number | null]>(db, sql)) {
    sink.swarm(parseInfoHash(sha1), completed, name ?? undefined, size ?? Number.NaN);
  }
}

function* loadIpv4Peers(db: DatabaseSync, sink: TablesSink): Generator<void, void> {
  const statement = db.prepare(
    `SELECT sha1, unhex(group_concat(format('%014x%08x', (("left" = 0) << 48) + peer_id, last_seen), '')), max(peer_id)
     FROM (SELECT sha1, peer_id, last_seen, "left" FROM CONTENTS
           WHERE (sha1, peer_id) > (?, ?) AND peer_id < ${IPV4_ID_END}
           ORDER BY sha1, peer_id LIMIT ${PAGE_PEERS})
     GROUP BY sha1 ORDER BY sha1`,
  );
  statement.setReturnArrays(true);
  const addresses = new Uint8Array(PAGE_PEERS * IPV4_PEER_BYTES);
  const lastSeen = new Uint32Array(PAGE_PEERS);
  const seeders = new Uint8Array(PAGE_PEERS);
  let after: [string, number] = ['', 0];
  for (let peers = PAGE_PEERS; peers === PAGE_PEERS; ) {
    peers = 0;
    for (const row of statement.iterate(...after) as Iterable<unknown>) {
      const [sha1, packed, last] = row as [string, Uint8Array, number];
      const count = packed.length / PACKED_BYTES;
      unpack(packed, count, addresses, lastSeen, seeders);
      sink.peers(parseInfoHash(sha1), 4, count, addresses, lastSeen, seeders);
      peers += count;
      after = [sha1, last];
    }
    yield;
  }
}

function unpack(packed: Uint8Array, count: number, addresses: Uint8Array, lastSeen: Uint32Array, seeders: Uint8Array) {
  for (let i = 0, at = 0, to = 0; i < count; i++) {
    seeders[i] = packed[at++];
    for (let byte = 0; byte < IPV4_PEER_BYTES; byte++) addresses[to++] = packed[at++];
    lastSeen[i] = (packed[at] << 24) | (packed[at + 1] << 16) | (packed[at + 2] << 8) | packed[at + 3];
    at += 4;
  }
}

function* loadIpv6Peers(db: DatabaseSync, sink: TablesSink): Generator<void, void> {
  const sql = `SELECT sha1, host, port, last_seen, "left" = 0 FROM CONTENTS JOIN PEER_INFO ON id = peer_id
    WHERE peer_id >= ${FIRST_IPV6_ID} ORDER BY sha1, peer_id`;
  const addresses = new Uint8Array(PAGE_IPV6_PEERS * IPV6_PEER_BYTES);
  const lastSeen = new Uint32Array(PAGE_IPV6_PEERS);
  const seeders = new Uint8Array(PAGE_IPV6_PEERS);
  let current = '';
  let count = 0;
  const flush = () => {
    if (count > 0) sink.peers(parseInfoHash(current), 6, count, addresses, lastSeen, seeders);
    count = 0;
  };
  for (const [sha1, host, port, seen, seeder] of rows<[string, string, number, number, number]>(db, sql)) {
    if (sha1 !== current || count === PAGE_IPV6_PEERS) {
      flush();
      yield;
    }
    current = sha1;
    const at = count * IPV6_PEER_BYTES;
    readIpv6(host, addresses.subarray(at, at + IPV6_BYTES));
    addresses[at + IPV6_BYTES] = port >>> 8;
    addresses[at + IPV6_BYTES + 1] = port;
    lastSeen[count] = seen;
    seeders[count++] = seeder;
  }
  flush();
}

const PAGE_IPV6_PEERS = 4_096;

/**
 * Reads what `formatIpv6` wrote. `parseIp` takes anything that people write, which for a million peers takes as long as the query;
 * and it makes an IPv4 address of a mapped one, while here it was an IPv6 peer and stays one.
 */
function readIpv6(host: string, out: Uint8Array): void {
  if (host.startsWith('::ffff:') && host.includes('.')) {
    out.fill(0, 0, 10).fill(0xff, 10, 12);
    for (const [i, byte] of host.slice('::ffff:'.length).split('.').entries()) out[12 + i] = Number(byte);
    return;
  }
  const groups = host.split(':');
  // Empty ones come from `::`, which stands for as many zeros as there is room.
  let present = 0;
  for (const group of groups) if (group !== '') present++;
  out.fill(0);
  let at = 0;
  let gap = IPV6_BYTES - 2 * present;
  for (const group of groups) {
    if (group === '') {
      at += gap;
      gap = 0;
      continue;
    }
    const value = Number.parseInt(group, 16);
    out[at++] = value >>> 8;
    out[at++] = value;
  }
}

function* rows<Row>(db: DatabaseSync, sql: string): Generator<Row> {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  for (const row of statement.iterate() as Iterable<unknown>) yield row as Row;
}
