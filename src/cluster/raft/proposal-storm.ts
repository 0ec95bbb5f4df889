import { setTimeout as sleep } from 'node:timers/promises';
import { LogClient } from '../log-client.ts';
import { startRaftLog } from './raft.ts';
import { printLine } from './test-processes.ts';

// The process that tests kill: while it may answer it proposes without end, and prints "index batch" for each that was
// acknowledged. Arguments: folder, name, number of founders, port of the members' group.

const [folder, name, expect, port] = process.argv.slice(2);
const log = await startRaftLog({
  folder,
  cluster: 'test',
  name,
  host: '127.0.0.1',
  memberPort: 0,
  clientPort: 0,
  expect: Number(expect),
  memberGroup: { host: '239.255.77.70', port: Number(port) },
});
const client = await LogClient.connect(log.connect());
client.subscribe(0n, { apply: () => undefined });

const PROPOSERS = 16;
await Promise.all(
  Array.from({ length: PROPOSERS }, async (_, proposer) => {
    for (let i = 0; ; i++) {
      while (!client.mayAnswer()) await sleep(1);
      const batch = `${name}${process.pid} ${proposer} ${i}`;
      const index = await client.propose(new TextEncoder().encode(batch)).catch(() => undefined);
      // Not the master any more, or nobody knows: then it was not acknowledged.
      if (index !== undefined) printLine(`${index} ${batch}`);
    }
  }),
);
