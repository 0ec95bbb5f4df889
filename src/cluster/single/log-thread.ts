import { parentPort, workerData } from 'node:worker_threads';
import { ANSWER_FOREVER, type HostMessage, type HostReply } from '../log-messages.ts';
import { LogServer } from '../log-server.ts';
import type { ClusterStatus } from '../replicated-log.ts';
import { LogStore } from '../storage/log-store.ts';
import { StorageError } from '../storage/sqlite-file.ts';
import type { SingleLogOptions } from './single.ts';
import { SingleEngine } from './single-engine.ts';

// The thread that owns log.db. It does nothing but wait for the disk on behalf of the others.

const host = parentPort!;
const reply = (message: HostReply) => host.postMessage(message);

try {
  run(workerData as SingleLogOptions);
} catch (error) {
  if (!(error instanceof StorageError)) throw error;
  reply({ type: 'refused', code: error.code, path: error.path, reason: error.message });
  host.close();
}

function run(options: SingleLogOptions): void {
  const store = LogStore.open(options.folder, options.cluster);
  if (store.genesis !== '') {
    const { path } = store;
    store.close();
    const advice = 'start it as one, or choose another data folder';
    throw new StorageError('FOREIGN_FILE', path, `the log at ${path} belongs to a member of a cluster; ${advice}`);
  }
  // A term for each life: whatever an earlier life began and did not finish belongs to an older term.
  const term = store.hardState.term + 1;
  store.saveHardState({ term, vote: store.identity.member });
  const server = new LogServer(store, masterStatus(store, options), (self) => new SingleEngine(store, self));
  server.answerUntil(ANSWER_FOREVER);

  host.on('message', (message: HostMessage) => {
    switch (message.type) {
      case 'connect':
        server.connect(message.port);
        break;
      case 'describe':
        server.setStatus(masterStatus(store, { ...options, clientPort: message.clientPort }));
        break;
      case 'close':
        server.close();
        store.close();
        reply({ type: 'closed' });
        host.close();
        break;
    }
  });
  reply({ type: 'ready', identity: store.identity });
}

function masterStatus(store: LogStore, options: SingleLogOptions): ClusterStatus {
  const self = store.identity.member;
  const lastIndex = BigInt(store.lastIndex);
  return {
    cluster: options.cluster,
    term: BigInt(store.hardState.term),
    role: 'master',
    master: self,
    self,
    commitIndex: lastIndex,
    members: [
      {
        id: self,
        name: options.name,
        address: options.address,
        clientPort: options.clientPort,
        role: 'master',
        voter: true,
        alive: true,
        lastKeepaliveMs: 0,
        appliedIndex: lastIndex,
        lag: 0n,
        stateHash: '',
      },
    ],
  };
}
