import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, tableLines } from './table.ts';

test('columns are as wide as their widest cell, and lines end where their text ends', () => {
  const lines = tableLines<[string, number]>(
    [
      { title: 'NAME', align: 'left', cell: ([name]) => name },
      { title: 'N', align: 'right', width: 4, cell: ([, n]) => String(n) },
      { title: 'AGAIN', align: 'left', cell: ([name]) => name },
    ],
    [
      ['a', 1],
      ['longer', 12_345],
    ],
  );
  assert.deepEqual(lines, [
    'NAME        N  AGAIN', //
    'a           1  a',
    'longer  12345  longer',
  ]);
});

test('sizes are in the largest unit that leaves a whole part', () => {
  const cases: [number | null, string][] = [
    [null, '-'],
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_536, '1.5 KiB'],
    [2 ** 30, '1.0 GiB'],
    [2 ** 60, '1024.0 PiB'],
  ];
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
});
