import { randomInt } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { LogClient } from '../log-client.ts';
import { describeReplicatedLog } from '../replicated-log.conformance.ts';
import type { RunningLog } from '../running-log.ts';
import { temporaryFolder } from '../storage/storage-faults.ts';
import { startRaftLog } from './raft.ts';
import { untilAnswering } from './test-cluster.ts';

const folders = new WeakMap<TestContext, string>();
const groups = new WeakMap<TestContext, number>();

describeReplicatedLog('raft log of one member', async (t) => {
  const folder = folders.get(t) ?? temporaryFolder(t);
  folders.set(t, folder);
  const port = groups.get(t) ?? randomInt(20_000, 30_000);
  groups.set(t, port);
  const { log, worker } = await startWithWorker(() =>
    startRaftLog({
      folder,
      cluster: 'test',
      name: 'a',
      host: '127.0.0.1',
      memberPort: 0,
      clientPort: 6969,
      expect: 1,
      memberGroup: { host: '239.255.77.70', port },
    }),
  );
  const client = await LogClient.connect(log.connect());
  await untilAnswering([client]);
  return {
    connect: () => LogClient.connect(log.connect()),
    crash: async () => {
      await worker.terminate();
    },
    close: () => log.close(),
  };
});

/** RunningLog itself only stops in an orderly way: the thread is this test's to kill. */
async function startWithWorker(start: () => Promise<RunningLog>): Promise<{ log: RunningLog; worker: Worker }> {
  let worker: Worker | undefined;
  const onWorker = (started: Worker) => {
    worker = started;
  };
  process.once('worker', onWorker);
  return { log: await start(), worker: worker as unknown as Worker };
}
