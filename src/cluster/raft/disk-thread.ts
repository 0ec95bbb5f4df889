import { parentPort, workerData } from 'node:worker_threads';
import { LogFailedError } from '../replicated-log.ts';
import { LogStore } from '../storage/log-store.ts';
import { StorageError } from '../storage/sqlite-file.ts';
import type { DiskReply, DiskRequest, DiskThreadOptions } from './disk-messages.ts';

// The thread that owns log.db: it waits for the disk, so that votes, keepalives and the lease need not.

const host = parentPort!;
const reply = (message: DiskReply, transfer: ArrayBuffer[] = []) => host.postMessage(message, transfer);

try {
  run(workerData as DiskThreadOptions);
} catch (error) {
  if (error instanceof StorageError) {
    reply({ type: 'refused', code: error.code, path: error.path, reason: error.message });
  } else if (error instanceof LogFailedError) reply({ type: 'failed', reason: error.message });
  else throw error;
  host.close();
}

function run({ folder, cluster }: DiskThreadOptions): void {
  const store = LogStore.open(folder, cluster);
  const { identity, hardState, base, genesis } = store;
  const entries = store.read(store.firstIndex, Number.POSITIVE_INFINITY);
  host.on('message', (request: DiskRequest) => {
    if (request.type === 'close') {
      store.close();
      reply({ type: 'closed' });
      host.close();
      return;
    }
    try {
      perform(store, request);
      reply({ type: 'done' });
      // After the answer: nobody should wait for it.
      if (store.wantsCheckpoint) store.checkpoint();
    } catch (error) {
      if (!(error instanceof LogFailedError)) throw error;
      reply({ type: 'failed', reason: error.message });
    }
  });
  const buffers = new Set(entries.map(({ batch }) => batch.buffer as ArrayBuffer));
  reply({ type: 'opened', identity, hardState, base, genesis, entries }, [...buffers]);
}

function perform(store: LogStore, request: Exclude<DiskRequest, { type: 'close' }>): void {
  switch (request.type) {
    case 'write':
      store.write(request.change);
      return;
    case 'genesis':
      store.saveGenesis(request.genesis, request.cluster);
      return;
    case 'renew':
      store.renewIdentity();
      return;
    case 'trim':
      store.trimTo(request.index, request.membership);
      return;
  }
}
