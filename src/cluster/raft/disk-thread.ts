import { parentPort, workerData } from 'node:worker_threads';
import { keepCompiledCode } from '../compiled-code.ts';
import { discard } from '../discard.ts';
import { LogFailedError } from '../replicated-log.ts';
import { LogStore } from '../storage/log-store.ts';
import { buffersOf } from '../storage/packed-entries.ts';
import { StorageError } from '../storage/sqlite-file.ts';
import type { DiskReply, DiskRequest, DiskThreadOptions } from './disk-messages.ts';
import { takePrecedence } from './precedence.ts';

// The thread that owns log.db: it waits for the disk, so that votes, keepalives and the lease need not.

/** The log thread gives a piece back as a whole, when the last of its entries was trimmed. */
const PIECE_BYTES = 1 << 20;

const host = parentPort!;
const reply = (message: DiskReply, transfer: ArrayBuffer[] = []) => host.postMessage(message, transfer);

keepCompiledCode();
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
  const { identity, hardState, base, genesis, lastIndex } = store;
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
  handOver(store);
  reply({ type: 'opened', identity, hardState, base, genesis, lastIndex });
}

/** The log thread takes one piece apart while the next one is read. */
function handOver(store: LogStore): void {
  for (const entries of store.readPacked(PIECE_BYTES)) reply({ type: 'entries', entries }, buffersOf(entries));
}

function perform(store: LogStore, request: Exclude<DiskRequest, { type: 'close' }>): void {
  switch (request.type) {
    case 'write':
      store.write(request.change);
      for (const { batch } of request.change.entries ?? []) discard(batch);
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
    case 'take-precedence':
      takePrecedence();
      return;
  }
}
