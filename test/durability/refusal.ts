import assert from 'node:assert/strict';
import { type Ended, runSwarmkeeper } from '../harness/start-swarmkeeper.ts';
import { testNetwork } from '../harness/test-network.ts';

/**
 * Starts an instance on a folder that it cannot use.
 * @returns the code of the error that it ends with
 */
export async function refusalOn(dataDir: string, ...args: string[]): Promise<string> {
  const command = ['tracker', '--json', '--port', '0', '--data', dataDir];
  return assertRefusal(await runSwarmkeeper([...command, ...testNetwork().args, ...args]), dataDir);
}

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
