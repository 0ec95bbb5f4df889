import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { LogClient } from './log-client.ts';
import { type LogEngine, LogServer, type RestoredSnapshot } from './log-server.ts';
import type { ClusterStatus } from './replicated-log.ts';

/** An engine whose state a test sets, with the log of a slave that had `commitIndex` entries committed. */
async function setting(t: TestContext, commitIndex: number) {
  const engine = {
    identity: { cluster: 'test', clusterUuid: 'uuid', member: 'a', bootCount: 1 },
    firstIndex: 1,
    lastIndex: commitIndex,
    restored: undefined as RestoredSnapshot | undefined,
    read: () => assert.fail('nothing is there to be read'),
    trimTo: () => {},
    propose: () => {},
    transferMastership: async () => {},
    removeMember: async () => undefined,
    send: () => {},
  } satisfies LogEngine;
  const status: ClusterStatus = {
    cluster: 'test',
    term: 1n,
    role: 'slave',
    master: 'b',
    self: 'a',
    commitIndex: BigInt(commitIndex),
    members: [],
  };
  const server = new LogServer(engine, status);
  const { port1, port2 } = new MessageChannel();
  server.connect(port1);
  t.after(() => port1.close());
  return { engine, server, client: await LogClient.connect(port2) };
}

describe('What reads the log of a newcomer', () => {
  it('that comes while a snapshot is on its way to the disk waits for it, and begins with it', async (t) => {
    for (const commitIndex of [0, 7]) {
      const { engine, server, client } = await setting(t, commitIndex);
      // As the engine has it between the last piece of the snapshot and the end of the sync.
      engine.firstIndex = 101;
      const restored = new Promise((resolve) => {
        client.subscribe(0n, { apply: () => {}, restore: (index, path) => resolve([index, path]) });
      });
      const turn = Promise.withResolvers<string>();
      setTimeout(() => turn.resolve('waits'), 20);
      assert.equal(await Promise.race([client.failed, restored, turn.promise]), 'waits');
      engine.restored = { index: 100, path: '/received-100' };
      server.restore(engine.restored);
      assert.deepEqual(await restored, [100n, '/received-100']);
    }
  });

  it('fails when what it needs is gone and no snapshot has it', async (t) => {
    const { engine, client } = await setting(t, 200);
    engine.firstIndex = 101;
    client.subscribe(0n, { apply: () => {}, restore: () => {} });
    assert.equal(((await client.failed) as Error & { code?: string }).code, 'LOG_GAP');
  });
});
