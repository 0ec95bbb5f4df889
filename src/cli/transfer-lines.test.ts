import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textWidth } from './text-width.ts';
import { formatSeconds, type Transfer, transferLines } from './transfer-lines.ts';

const MIB = 1024 * 1024;
const transfer = (told: Partial<Transfer> = {}): Transfer => ({
  name: 'big.iso',
  state: 'downloading',
  reason: undefined,
  done: 25 * MIB,
  total: 100 * MIB,
  downSpeed: 5 * MIB,
  upSpeed: 0,
  sent: 0,
  peers: 3,
  ...told,
});

test('Time that is left is said in minutes and seconds, and in hours where there are any', () => {
  assert.deepEqual([0, 0.2, 75, 3_599.5, 3_675].map(formatSeconds), ['0:00', '0:01', '1:15', '1:00:00', '1:01:15']);
});

test('A line has share, size, speed, peers and time left, or what else is to be known in its state', () => {
  const cases: [Partial<Transfer>, string][] = [
    [{}, 'big.iso  [#####...............]  25.0%   100.0 MiB     5.0 MiB/s  3 peers  0:15 left'],
    [
      { upSpeed: MIB, peers: 1 },
      'big.iso  [#####...............]  25.0%   100.0 MiB     5.0 MiB/s  1 peer  0:15 left  sending 1.0 MiB/s',
    ],
    [{ downSpeed: 0, peers: 0 }, 'big.iso  [#####...............]  25.0%   100.0 MiB         0 B/s  0 peers  waiting'],
    [{ state: 'hashing' }, 'big.iso  [#####...............]  25.0%   100.0 MiB  hashing     5.0 MiB/s  0:15 left'],
    [
      { state: 'checking', done: 100 * MIB },
      'big.iso  [####################] 100.0%   100.0 MiB  checking     5.0 MiB/s  finishing',
    ],
    [{ state: 'seeding', upSpeed: 2 * MIB, sent: 7 * MIB }, 'big.iso  sharing     2.0 MiB/s  3 peers  7.0 MiB sent'],
    [{ state: 'hashing', done: 0, total: 0 }, 'big.iso  looking at its files'],
    [{ state: 'metadata' }, 'big.iso  looking for peers that have it'],
    [{ state: 'paused' }, 'big.iso  paused'],
    [{ state: 'paused', reason: 'the disk is full' }, 'big.iso  paused: the disk is full'],
  ];
  for (const [told, line] of cases) assert.deepEqual(transferLines([transfer(told)], 120, 10), [line]);
});

test('Names of several stand one below the other, and the last line is of all', () => {
  const transfers = [
    transfer(),
    transfer({ name: 'photos', state: 'seeding', upSpeed: MIB }),
    transfer({ name: '日本' }),
  ];
  const lines = transferLines(transfers, 100, 10);
  assert.deepEqual(
    lines.slice(0, 3).map((line) => line.slice(0, 12).trimEnd()),
    ['big.iso  [##', 'photos   sha', '日本     [####'],
  );
  assert.equal(lines[3], '3 in all: 2 downloading, 1 sharing  10.0 MiB/s down  0:15 left  1.0 MiB/s up');
});

test('Where there is room for few, those in which something happens are shown', () => {
  const idle = Array.from({ length: 30 }, (_, i) => transfer({ name: `idle-${i}`, state: 'seeding' }));
  const lines = transferLines(
    [...idle, transfer({ name: 'moves' }), transfer({ name: 'waits', downSpeed: 0 })],
    100,
    6,
  );
  assert.equal(lines.length, 6);
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['moves', 'waits', 'idle-0', 'idle-1', 'and', '32'],
  );
  assert.equal(lines[4], 'and 28 more');
});

test('A long name gives way, and no line is wider than the terminal', () => {
  for (const name of ['x'.repeat(300), '日'.repeat(300)]) {
    for (const columns of [10, 20, 80, 200]) {
      for (const line of transferLines([transfer({ name }), transfer()], columns, 10)) {
        assert.ok(textWidth(line) <= columns, line);
      }
    }
  }
  assert.match(transferLines([transfer({ name: 'x'.repeat(300) })], 100, 10)[0], /^x+… {2}\[#{5}\.{15}\] {2}25\.0%/);
});

test('A name cannot send commands to the terminal', () => {
  assert.ok(!transferLines([transfer({ name: '\u001b[2Jname' })], 100, 10)[0].includes('\u001b'));
});
