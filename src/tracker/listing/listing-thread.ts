import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { closeQuietly, openSqliteReader, storageError } from '../../cluster/storage/sqlite-file.ts';
import { TABLES_FORMAT } from '../tables/schema.ts';
import { readMeta } from '../tables/table-loader.ts';
import { IndexKeeper } from './index-keeper.ts';
import type { ListingReply, ListingRequest, ListingThreadOptions } from './listing-messages.ts';
import { readContents } from './read-contents.ts';

// The thread that searches and sorts the contents: it only reads the tables, and gives way to all others.

const { path } = workerData as ListingThreadOptions;
const host = parentPort!;
const reply = (message: ListingReply) => host.postMessage(message);

/** On Linux this is the thread's own priority; elsewhere it would be the whole process's. */
if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW);

const db = openSqliteReader(path, TABLES_FORMAT);
const keeper = new IndexKeeper({
  appliedIndex: () => readMeta(db).appliedIndex,
  read: () => readContents(db),
  now: () => performance.now(),
});

host.on('message', async (request: ListingRequest) => {
  if (request.type === 'close') {
    host.close();
    closeQuietly(db);
    return;
  }
  try {
    reply({ type: 'page', id: request.id, page: await keeper.query(request.query) });
  } catch (error) {
    const { code = 'LISTING_FAILED', message } =
      error instanceof Error && 'errcode' in error
        ? storageError(path, TABLES_FORMAT.what, error)
        : (error as Error & { code?: string });
    reply({ type: 'refused', id: request.id, code, reason: message });
  }
});
