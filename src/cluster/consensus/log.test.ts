import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { batchEntry, type Entry } from './entry.ts';
import { InvariantError } from './invariant.ts';
import { RaftLog } from './log.ts';
import { NO_MEMBERS } from './membership.ts';

const EMPTY = { index: 0, term: 0, membership: NO_MEMBERS };

/** A log with one entry per term given. */
function entriesOf(terms: number[], after = 0): Entry[] {
  return terms.map((term, i) => batchEntry(after + i + 1, term, new Uint8Array([term])));
}

function termsOf(log: RaftLog): number[] {
  return log.last === log.base.index ? [] : log.slice(log.base.index + 1, log.last).map(({ term }) => term);
}

describe('the log', () => {
  it('keeps what follows when an older message repeats its beginning', () => {
    const log = new RaftLog(EMPTY, entriesOf([1, 1, 1, 1]));
    assert.equal(log.reconcile(entriesOf([1, 1]), 0), null);
    assert.equal(log.last, 4);
  });

  it('drops what follows the first entry of another term', () => {
    const log = new RaftLog(EMPTY, entriesOf([1, 1, 1, 1]));
    assert.equal(log.reconcile(entriesOf([1, 2]), 0), 2);
    assert.deepEqual(termsOf(log), [1, 2]);
  });

  it('refuses to lose a committed entry', () => {
    const log = new RaftLog(EMPTY, entriesOf([1, 1, 1]));
    assert.equal(log.reconcile(entriesOf([1, 2]), 3), null, 'committed entries are not even compared');
    class Careless extends RaftLog {
      cut(from: number, commit: number) {
        this.truncate(from, commit);
      }
    }
    assert.throws(() => new Careless(EMPTY, entriesOf([1, 1, 1])).cut(3, 3), InvariantError);
  });

  it('counts as durable only what was written after it was truncated and replaced', () => {
    const log = new RaftLog(EMPTY, []);
    for (const entry of entriesOf([1, 1, 1])) log.append(entry);
    log.takeUnsaved();
    log.reconcile([batchEntry(2, 2, new Uint8Array(0))], 0);
    log.saved();
    assert.equal(log.durable, 1, 'the write under way held another entry 2');
    assert.deepEqual(log.takeUnsaved().truncateFrom, 2);
    log.saved();
    assert.equal(log.durable, 2);
  });

  it('keeps the entries behind a snapshot only if it has the snapshot’s last entry', () => {
    const same = new RaftLog(EMPTY, entriesOf([1, 1, 2]));
    assert.equal(same.install({ index: 2, term: 1, membership: NO_MEMBERS }), true);
    assert.deepEqual(termsOf(same), [2]);
    const other = new RaftLog(EMPTY, entriesOf([1, 1, 2]));
    assert.equal(other.install({ index: 2, term: 2, membership: NO_MEMBERS }), false);
    assert.deepEqual(termsOf(other), []);
    assert.equal(other.last, 2);
  });

  it('says that nothing of a snapshot is durable until it was written', () => {
    const log = new RaftLog(EMPTY, entriesOf([1, 1, 1]));
    log.install({ index: 9, term: 3, membership: NO_MEMBERS });
    assert.ok(log.durable < 9);
    log.takeUnsaved();
    log.saved();
    assert.equal(log.durable, 9);
  });

  it('is on disk as it is in memory, whatever happened in between', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ do: fc.constant('conflict' as const), back: fc.integer({ min: 0, max: 5 }) }),
      fc.record({ do: fc.constant('write' as const) }),
      fc.record({ do: fc.constant('written' as const) }),
      fc.record({ do: fc.constant('snapshot' as const), ahead: fc.integer({ min: 0, max: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const log = new RaftLog(EMPTY, []);
        // The disk as a host keeps it, following what it is told.
        let base = 0;
        let disk: Entry[] = [];
        let writing: {
          truncateFrom: number | null;
          entries: readonly Entry[];
          snapshot: [number, boolean] | null;
        } | null = null;
        let snapshot: [number, boolean] | null = null;
        let term = 1;
        for (const action of steps) {
          if (action.do === 'append') {
            for (let i = 0; i < action.count; i++) log.append(batchEntry(log.last + 1, term, new Uint8Array(0)));
          } else if (action.do === 'conflict') {
            const from = Math.max(log.base.index + 1, log.last - action.back);
            term++;
            log.reconcile([batchEntry(Math.min(from, log.last + 1), term, new Uint8Array(0))], log.base.index);
          } else if (action.do === 'write' && writing === null) {
            writing = { ...log.takeUnsaved(), snapshot };
            snapshot = null;
          } else if (action.do === 'written' && writing !== null) {
            const { truncateFrom, entries, snapshot: installed } = writing;
            if (truncateFrom !== null) disk = disk.filter(({ index }) => index < truncateFrom);
            if (installed !== null) {
              base = installed[0];
              disk = installed[1] ? disk.filter(({ index }) => index > base) : [];
            }
            disk = [...disk, ...entries];
            writing = null;
            log.saved();
          } else if (action.do === 'snapshot') {
            const index = log.last + action.ahead;
            if (index <= log.base.index) continue;
            const keep = log.install({ index, term: log.termAt(index) ?? term, membership: NO_MEMBERS });
            snapshot = [index, keep && (snapshot === null || snapshot[1])];
          }
          disk.forEach((entry, i) => {
            assert.equal(entry.index, base + i + 1, 'the disk has no holes');
          });
          for (let index = Math.max(base, log.base.index) + 1; index <= log.durable; index++) {
            assert.equal(disk[index - base - 1]?.term, log.termAt(index), `entry ${index} is durable`);
          }
          assert.ok(log.durable <= log.last);
        }
      }),
      { numRuns: 300 },
    );
  });
});
