import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import type { IndexedBatch } from '../database.ts';
import {
  BatchWriter,
  FLAG_COMPLETED,
  FLAG_IPV6,
  OP_ADMISSION_ADD,
  OP_ADMISSION_REMOVE,
  OP_ANNOUNCE,
  OP_TOUCH,
} from '../operations.ts';
import { loadTables } from './table-loader.ts';

// Histories that fill tables, and what is in tables, comparable. For tests.

/** Hashes that a column of numeric affinity would not keep, and some that differ late. */
export const HASHES = [
  '0000000000000000000000000000000000000012',
  '1234567890123456789012345678901234567890',
  '12e3000000000000000000000000000000000000',
  'abcdef0123456789abcdef0123456789abcdef01',
  'abcdef0123456789abcdef0123456789abcdef02',
];
export const PEERS = [
  '0a0000010001',
  '0a0000010002',
  'c0a8000affff',
  '20010db80000000000000000000000011ae1',
  '20010db80000000000000000000000011ae2',
  '00000000000000000000ffff0a0000010001',
];
const NAMES = ['', 'a', 'Schöne Grüße', 'x'.repeat(255)];

export const fromHex = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const flagsOf = (address: Uint8Array) => (address.length === 18 ? FLAG_IPV6 : 0);

type Write = (writer: BatchWriter) => void;

const hash = fc.constantFrom(...HASHES).map(fromHex);
const address = fc.constantFrom(...PEERS).map(fromHex);
const left = fc.constantFrom(0, 0, 1, 5_000_000_000, 2 ** 53, Number.MAX_VALUE);
const operation: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom(OP_ANNOUNCE, OP_ANNOUNCE, OP_TOUCH), hash, address, left, fc.boolean())
      .map(([code, h, a, l, completed]): Write => {
        const flags = flagsOf(a) | (completed ? FLAG_COMPLETED : 0);
        return (writer) => writer.peer(code, flags, h, 0, a, 0, l);
      }),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(hash, address).map(
      ([h, a]): Write =>
        (w) =>
          w.stop(flagsOf(a), h, 0, a, 0),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(hash, address, fc.integer({ min: 0, max: 40 })).map(
      ([h, a, cutoff]): Write =>
        (w) =>
          w.expire(flagsOf(a), h, 0, a, 0, cutoff),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(hash, fc.constantFrom(-1, 0, 2 ** 40, 2 ** 60), fc.constantFrom(...NAMES)).map(
      ([h, size, name]): Write =>
        (w) =>
          w.content(h, 0, size, new TextEncoder().encode(name)),
    ),
  },
  {
    weight: 1,
    arbitrary: hash.map(
      (h): Write =>
        (w) =>
          w.forget(h, 0),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.integer({ min: 0, max: 2 }).map(
        (mode): Write =>
          (w) =>
            w.admissionMode(mode),
      ),
      fc.tuple(fc.constantFrom(OP_ADMISSION_ADD, OP_ADMISSION_REMOVE), fc.constantFrom(1, 2), hash).map(
        ([code, list, h]): Write =>
          (w) =>
            w.admission(code, list, h),
      ),
      fc.uint8Array({ minLength: 16, maxLength: 16 }).map(
        (key): Write =>
          (w) =>
            w.secret(key),
      ),
    ),
  },
);

/** Batches with the time that passes before each, milliseconds. */
export const history = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 5_000 }), fc.array(operation, { minLength: 1, maxLength: 120 })),
  { minLength: 1, maxLength: 8 },
);

export function toBatches(list: [number, Write[]][]): IndexedBatch[] {
  let time = 0;
  return list.map(([pause, writes], i) => {
    const writer = new BatchWriter(1 << 17);
    for (const write of writes) write(writer);
    time += pause;
    return { index: BigInt(i + 1), batch: writer.take(time) };
  });
}

export function announces(index: number, count: number, hashes = 1, firstPeer = 0): IndexedBatch {
  const writer = new BatchWriter(count * 64 + 1024);
  for (let i = 0; i < count; i++) {
    const peer = fromHex((firstPeer + i).toString(16).padStart(8, '0').concat('1ae1'));
    const infoHash = fromHex(((firstPeer + i) % hashes).toString(16).padStart(40, '7'));
    writer.peer(OP_ANNOUNCE, 0, infoHash, 0, peer, 0, 1);
  }
  return { index: BigInt(index), batch: writer.take(1_000) };
}

/** Everything that is in the tables, comparable. */
export function dump(path: string) {
  const db = new DatabaseSync(path, { readOnly: true });
  const all = (sql: string) => {
    const statement = db.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    return statement.all() as unknown as unknown[][];
  };
  const tables = {
    peers: all('SELECT id, host, port, contents FROM PEER_INFO ORDER BY id'),
    contents: all(
      'SELECT sha1, host, port, "left", last_seen FROM CONTENTS LEFT JOIN PEER_INFO ON id = peer_id',
    ).sort(),
    swarms: all('SELECT sha1, hex(name), CAST(size AS TEXT), completed FROM SWARM ORDER BY sha1'),
    admission: all('SELECT list, sha1 FROM ADMISSION ORDER BY list, sha1'),
    meta: all('SELECT applied_index, cluster_time, admission_mode, hex(secret) FROM META'),
  };
  db.close();
  return tables;
}

/** What a sink gets, as sorted lines like those of the model. */
export function reload(path: string): string[] {
  const lines: string[] = [];
  const hex = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString('hex') : 'none');
  loadTables(path, {
    meta: (meta) => lines.push(`meta ${meta.clusterTimeMs} ${meta.admissionMode} ${hex(meta.secret)}`),
    admission: (list, infoHash) => lines.push(`listed ${list} ${hex(infoHash)}`),
    swarm: (infoHash, completed, name, size) =>
      lines.push(`swarm ${hex(infoHash)} ${completed} ${hex(name)} ${name ? size : ''}`),
    peers: (infoHash, family, count, addresses, lastSeen, seeders) => {
      const bytes = family === 4 ? 6 : 18;
      for (let i = 0; i < count; i++) {
        const compact = addresses.subarray(i * bytes, (i + 1) * bytes);
        lines.push(`peer ${hex(infoHash)} ${hex(compact)} ${lastSeen[i]} ${seeders[i]}`);
      }
    },
  });
  return lines.sort();
}
