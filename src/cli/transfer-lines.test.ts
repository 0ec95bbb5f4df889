import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSeconds, hashingLine } from './transfer-lines.ts';

const MIB = 1024 * 1024;

test('Time that is left is said in minutes and seconds, and in hours where there are any', () => {
  assert.deepEqual([0, 0.2, 75, 3_599.5, 3_675].map(formatSeconds), ['0:00', '0:01', '1:15', '1:00:00', '1:01:15']);
});

test('A line of hashing has its share, speed and time left', () => {
  const line = hashingLine({ name: 'big.iso', done: 25 * MIB, total: 100 * MIB, bytesPerSecond: 5 * MIB }, 100);
  assert.equal(line, 'big.iso  [#####...............]  25.0%  hashing  5.0 MiB/s  0:15 left');
});

test('A long name gives way, and no line is longer than the terminal is wide', () => {
  const progress = { name: 'x'.repeat(300), done: 0, total: 0, bytesPerSecond: 0 };
  for (const columns of [20, 80, 200]) assert.ok(hashingLine(progress, columns).length <= columns);
  assert.match(hashingLine(progress, 80), /^x+… {2}\[#{20}\] 100\.0%/);
});

test('A name cannot send commands to the terminal', () => {
  const line = hashingLine({ name: '\u001b[2Jname', done: 1, total: 2, bytesPerSecond: 1 }, 100);
  assert.ok(!line.includes('\u001b'));
});
