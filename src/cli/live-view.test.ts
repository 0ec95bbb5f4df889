import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WriteStream } from 'node:tty';
import { MemoryTracker, otherMember } from '../../test/harness/memory-tracker.ts';
import { clusterJson } from '../api/cluster-json.ts';
import type { ClusterView } from './cluster-watch.ts';
import { LiveView, viewLines } from './live-view.ts';

function viewOf(told: Partial<ClusterView> = {}): ClusterView {
  const tracker = new MemoryTracker();
  tracker.others = [otherMember({ alive: false })];
  const cluster = clusterJson(tracker.status());
  const members = cluster.members.map((member, i) => ({ ...member, pid: i === 0 ? 4_711 : undefined }));
  return { ...cluster, members, contents: 1, peers: 2, seeders: 1, announces: 100, atMs: 1_000, ...told };
}

test('the view shows the members and their processes, what there is, and the rate since the last look', () => {
  const dead = [{ name: 'two', command: 'bin/swarmkeeper tracker --data /x' }];
  const text = viewLines(viewOf(), viewOf({ announces: 1_100, atMs: 3_000 }), dead).join('\n');
  assert.match(text, /cluster test {2}term 1 {2}commit index 0 {2}master one/);
  assert.match(text, /NAME .* PID\none +master +yes +yes +127\.0\.0\.1:6969 .* 4711\ntwo +slave +yes +DEAD .* -\n/);
  assert.match(text, /contents 1 {2}peers 2, 1 of them seeders {2}announces 1100, 500 a second/);
  assert.match(text, /two is dead; this starts it again: bin\/swarmkeeper tracker --data \/x$/);
});

test('counts that fall, because an instance is gone, are no negative rate', () => {
  assert.match(viewLines(viewOf(), viewOf({ announces: 5, atMs: 2_000 }), []).join('\n'), /announces 5, 0 a second/);
});

test('when nothing answers, the view says so', () => {
  const lines = viewLines(viewOf(), undefined, [{ name: 'one', command: 'x' }]);
  assert.deepEqual(lines, ['', 'no instance answers', 'one is dead; this starts it again: x']);
});

test('what is drawn is drawn over, wrapped lines too; what is printed stays above; no more than the screen is drawn', () => {
  const written: string[] = [];
  const terminal = {
    columns: 10,
    rows: 5,
    cork: () => {},
    uncork: () => {},
    write: (text: string) => written.push(text),
    moveCursor: (_x: number, y: number) => written.push(`up ${-y}`),
    cursorTo: () => {},
    clearScreenDown: () => written.push('clear'),
  };
  const view = new LiveView(terminal as unknown as WriteStream);
  view.show(['one', 'x'.repeat(15)]);
  view.print('event');
  view.show(['a', 'b', 'c', 'd', 'e']);
  view.show([]);
  const first = ['up 0', 'clear', 'one\n', `${'x'.repeat(15)}\n`];
  const event = ['up 3', 'clear', 'event\n', 'one\n', `${'x'.repeat(15)}\n`];
  const cut = ['up 3', 'clear', 'a\n', 'b\n', 'c\n', 'd\n'];
  assert.deepEqual(written, [...first, ...event, ...cut, 'up 4', 'clear']);
});
