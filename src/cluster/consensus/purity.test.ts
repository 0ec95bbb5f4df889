import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const FOLDER = new URL('./', import.meta.url);

/** What would make two runs of the same events differ, or do I/O. */
const FORBIDDEN = [
  /\bDate\b/,
  /\bMath\.random\b/,
  /\bperformance\b/,
  /\bset(Timeout|Interval|Immediate)\b/,
  /\bqueueMicrotask\b/,
  /\b(Promise|async|await)\b/,
  /\bprocess\./,
  /from 'node:/,
  /from '\.\.\//,
];

describe('the consensus core', () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))) {
    it(`${name} has no clock, no randomness, no promises and no I/O`, () => {
      const code = readFileSync(new URL(name, FOLDER), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
      for (const pattern of FORBIDDEN) assert.doesNotMatch(code, pattern);
    });
  }
});
