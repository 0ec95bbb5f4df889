import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { keepCompiledCode } from '../../cluster/compiled-code.ts';
import { LogClient, type Subscription } from '../../cluster/log-client.ts';
import { StorageError } from '../../cluster/storage/sqlite-file.ts';
import { TrackerDatabase } from '../database.ts';
import { DatabaseFollower, FOLLOWER_WINDOW } from './database-follower.ts';
import {
  type DatabaseReply,
  type DatabaseRequest,
  type DatabaseThreadOptions,
  TablesProgress,
} from './database-messages.ts';

// The thread that writes the tables: follows the log, and gives way to the threads that serve.

const host = parentPort!;
const reply = (message: DatabaseReply) => host.postMessage(message);

function fail(error: unknown): void {
  const { code = 'DATABASE_FAILED', message } = error as Error & { code?: string };
  reply({ type: 'failed', code, path: error instanceof StorageError ? error.path : '', reason: message });
  host.close();
}

function open(path: string): TrackerDatabase | undefined {
  try {
    return TrackerDatabase.open(path);
  } catch (error) {
    fail(error);
    return undefined;
  }
}

async function follow(db: TrackerDatabase, options: DatabaseThreadOptions): Promise<void> {
  const client = await LogClient.connect(options.log);
  let subscription: Subscription | undefined;
  const follower = new DatabaseFollower(
    db,
    new TablesProgress(options.progress),
    {
      commitIndex: () => client.status.commitIndex,
      acknowledge: (index) => subscription?.acknowledge(index),
      trimmable: (index) => client.trimmable(index),
    },
    (error) => stop(error),
  );
  const stop = (error: unknown) => {
    follower.abandon();
    db.close();
    options.log.close();
    fail(error);
  };
  client.failed.then(stop);
  host.on('message', async (request: DatabaseRequest) => {
    if (request.type === 'flush') {
      follower.flush(request.index, (index) => reply({ type: 'flushed', id: request.id, index }));
      return;
    }
    follower.close();
    await client.close();
    db.close();
    reply({ type: 'closed' });
    host.close();
  });
  reply({ type: 'ready' });
  try {
    // Readers may start meanwhile; what they would trip over is found before anything is added to it.
    db.check();
  } catch (error) {
    stop(error);
    return;
  }
  subscription = client.subscribe(db.appliedIndex, follower, { window: FOLLOWER_WINDOW, acknowledge: 'manual' });
}

/** On Linux this is the thread's own priority; elsewhere it would be the whole process's. */
if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);

keepCompiledCode();
const options = workerData as DatabaseThreadOptions;
const db = open(options.path);
if (db) {
  follow(db, options).catch((error) => {
    db.close();
    fail(error);
  });
}
