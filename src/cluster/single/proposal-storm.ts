import { LogClient } from '../log-client.ts';
import { printLine } from '../raft/test-processes.ts';
import { startSingleLog } from './single.ts';

// The process that a test kills: proposes without end and prints "index batch" for each that was acknowledged.

const log = await startSingleLog({
  folder: process.argv[2],
  cluster: 'test',
  name: 'a',
  address: '127.0.0.1',
  clientPort: 0,
});
const client = await LogClient.connect(log.connect());
client.subscribe(0n, { apply: () => undefined });

const PROPOSERS = 64;
await Promise.all(
  Array.from({ length: PROPOSERS }, async (_, proposer) => {
    for (let i = 0; ; i++) {
      const batch = `batch ${proposer} ${i}`;
      printLine(`${await client.propose(new TextEncoder().encode(batch))} ${batch}`);
    }
  }),
);
