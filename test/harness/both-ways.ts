import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { type StartOptions, type SwarmkeeperInstance, startSwarmkeeper } from './start-swarmkeeper.ts';

export interface Way {
  readonly name: string;
  readonly env: NodeJS.ProcessEnv;
}

const PORTABLE: Way = { name: 'by node:dgram and the HTTP server', env: { SWARMKEEPER_PORTABLE: '1' } };
/** How an instance does its input and output: elsewhere than on Linux there is but one way. */
export const WAYS: readonly Way[] =
  process.platform === 'linux' ? [{ name: 'by batched system calls', env: {} }, PORTABLE] : [PORTABLE];

/**
 * Runs the tests against an instance of each way, which they share. Whatever they send it, at the end it must still
 * run and have had nothing to complain of.
 * @param tests defines them; the instance is there once they run
 */
export function onBothWays(tests: (tracker: () => SwarmkeeperInstance) => void, options: StartOptions = {}): void {
  for (const { name, env } of WAYS) {
    // One test after the other, whatever surrounds them: some look at what the instance counts meanwhile.
    describe(name, { concurrency: 1 }, () => {
      let instance: SwarmkeeperInstance | undefined;
      before(async () => {
        instance = await startSwarmkeeper({ ...options, env: { ...process.env, ...options.env, ...env } });
      });
      after(async () => {
        await using tracker = instance;
        if (tracker === undefined) return;
        assert.ok(tracker.process.running, `it ended: ${tracker.process.stderr}`);
        const { code, stderr } = await tracker.stop();
        assert.deepEqual([code, stderr], [0, '']);
      });
      tests(() => instance!);
    });
  }
}
