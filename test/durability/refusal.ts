import assert from 'node:assert/strict';
import type { Ended } from '../harness/start-swarmkeeper.ts';

/**
 * Sees that an instance ended as one that cannot go on should: with 1, one line on stderr that names the folder, the
 * same as JSON, and no stack.
 * @returns the code of the error
 */
export function assertRefusal({ code, signal, stdout, stderr }: Ended, folder: string): string {
  assert.deepEqual([code, signal], [1, null], `${stdout}${stderr}`);
  const error = JSON.parse(stdout.trimEnd().split('\n').at(-1)!);
  assert.equal(error.event, 'error');
  assert.equal(stderr, `swarmkeeper: ${error.message}\n`);
  assert.doesNotMatch(error.message, /\n/);
  assert.ok(error.message.includes(folder), `it does not name ${folder}: ${error.message}`);
  return error.code;
}
