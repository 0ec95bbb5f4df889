import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import fc from 'fast-check';
import type { LogEntry } from './log-entry.ts';
import { LOG_FILE, LogStore } from './log-store.ts';
import { unpack } from './packed-entries.ts';
import { temporaryFolder } from './storage-faults.ts';

const anything = fc.record({
  term: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  kind: fc.nat({ max: 255 }),
  batch: fc.uint8Array({ maxLength: 300 }),
});

function allPacked(store: LogStore, maxBytes: number): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const piece of store.readPacked(maxBytes)) {
    assert.ok(piece.bytes.length <= maxBytes || piece.terms.length === 1);
    unpack(piece, (entry) => entries.push(entry));
  }
  return entries;
}

it('packed entries are those that were written, whatever bytes are in them', () => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 30 }), fc.integer({ min: 1, max: 2_000 }), (list, maxBytes) => {
      const store = LogStore.open(temporaryFolder(), 'test');
      const entries = list.map((entry, i) => ({ ...entry, index: i + 1 }));
      store.write({ entries });
      assert.deepEqual(allPacked(store, maxBytes), entries);
      const half = Math.floor(list.length / 2);
      store.trimTo(half, '');
      assert.deepEqual(allPacked(store, maxBytes), entries.slice(half));
      store.close();
    }),
    { numRuns: 30 },
  );
});

it('more entries than are read at once come in order', () => {
  const store = LogStore.open(temporaryFolder(), 'test');
  const count = 10_000;
  store.write({ entries: numbered(count) });
  const entries = allPacked(store, 1 << 20);
  assert.equal(entries.length, count);
  for (const [i, { index, batch }] of entries.entries())
    assert.equal(`${index} ${Buffer.from(batch)}`, `${i + 1} ${i}`);
  store.close();
});

it('a damaged, exchanged or missing entry stops the store', () => {
  const statements = [
    `UPDATE ENTRY SET batch = x'00' WHERE idx = 5`,
    `UPDATE ENTRY SET batch = 'text' WHERE idx = 5`,
    `UPDATE ENTRY SET kind = 'text' WHERE idx = 5`,
    'UPDATE ENTRY SET term = 9 WHERE idx = 5',
    'UPDATE ENTRY SET idx = CASE idx WHEN 5 THEN -6 ELSE -5 END WHERE idx IN (5, 6); UPDATE ENTRY SET idx = -idx WHERE idx < 0',
  ];
  for (const statement of statements) {
    const store = damaged(statement);
    assert.throws(() => allPacked(store, 1e6), { code: 'LOG_FAILED', message: /damaged/ }, statement);
    assert.throws(() => allPacked(store, 1), { code: 'LOG_FAILED' });
    store.close();
  }
});

function numbered(count: number): LogEntry[] {
  return Array.from({ length: count }, (_, i) => ({ index: i + 1, term: 1, kind: 0, batch: Buffer.from(`${i}`) }));
}

function damaged(statement: string): LogStore {
  const folder = temporaryFolder();
  const store = LogStore.open(folder, 'test');
  store.write({ entries: numbered(9) });
  store.close();
  const db = new DatabaseSync(join(folder, LOG_FILE));
  db.exec(statement);
  db.close();
  return LogStore.open(folder, 'test');
}
