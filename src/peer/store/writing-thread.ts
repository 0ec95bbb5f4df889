import { release } from 'node:os';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';
import { hasBatchedCalls } from '../../net/platform.ts';
import { PEER_FILE, PeerDatabase } from '../database.ts';
import { answerRequests } from './answer-requests.ts';
import { ChunkStore } from './chunk-store.ts';
import { DiskFiles, type FileCalls } from './disk-files.ts';
import { knownInfo } from './known-info.ts';
import { failureOf, type OpenedContent, type StorageRequest, type ThreadFailure } from './storage-messages.ts';

// The thread that writes chunks and has the database: the only one that waits for a disk to have written.

/** A group that does not fill ends so long after its first chunk. */
const GROUP_MS = 2_000;

interface OpenContent {
  readonly store: ChunkStore;
  readonly files: DiskFiles;
  groupTimer: NodeJS.Timeout | undefined;
  /** Of a group that ended while nobody asked for anything; the next request hears of it. */
  failure: unknown;
}

const calls = hasBatchedCalls ? await fileCalls() : {};
const database = PeerDatabase.open(join(workerData as string, PEER_FILE));
const open = new Map<string, OpenContent>();

async function fileCalls(): Promise<FileCalls> {
  const { syncFileSystem, ...others } = await import('./linux-file-calls.ts');
  // Older kernels do not tell whether all of a file system was written.
  const [major, minor] = release().split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 8) ? { syncFileSystem, ...others } : others;
}

function openContent({ sha1, folder, metainfo }: Extract<StorageRequest, { type: 'open' }>): OpenedContent {
  const info = knownInfo({ sha1, metainfo });
  const files = new DiskFiles({ folder, calls });
  database.saveContent({ sha1, folder, metainfo });
  const store = ChunkStore.open({ database, files, info });
  open.set(sha1, { store, files, groupTimer: undefined, failure: undefined });
  return { have: store.have.bytes.slice(), doubtful: store.doubtful.bytes.slice() };
}

/** Ends a group that was begun, in time. */
function planFlush(content: OpenContent): void {
  if (content.store.groupBytes === 0) {
    clearTimeout(content.groupTimer);
    content.groupTimer = undefined;
    return;
  }
  content.groupTimer ??= setTimeout(() => {
    content.groupTimer = undefined;
    try {
      content.store.flush();
    } catch (error) {
      content.failure = error;
    }
  }, GROUP_MS);
}

function closeContent(sha1: string, content: OpenContent): void {
  clearTimeout(content.groupTimer);
  open.delete(sha1);
  try {
    content.store.close();
  } finally {
    content.files.close();
  }
}

function onContent(request: Exclude<StorageRequest, { type: 'open' | 'contents' | 'stop' }>): unknown {
  const { type, sha1 } = request;
  const content = open.get(sha1);
  if (!content) throw Object.assign(new Error(`the content ${sha1} is not open`), { code: 'NOT_OPEN' });
  if (type === 'close') return closeContent(sha1, content);
  if (type === 'remove') {
    clearTimeout(content.groupTimer);
    content.files.close();
    open.delete(sha1);
    return database.removeContent(sha1);
  }
  if (type === 'doubtAll') {
    content.failure = undefined;
    content.store.doubtAll();
    return planFlush(content);
  }
  if (content.failure !== undefined) {
    const { failure } = content;
    content.failure = undefined;
    throw failure;
  }
  try {
    if (type === 'put') return content.store.put(request.piece, request.bytes);
    if (type === 'checked') return content.store.checked(request.piece, request.isRight);
    if (type === 'adopt') {
      content.store.adopt();
      return content.store.have.bytes.slice();
    }
    if (type === 'finish') content.store.makeEmptyFiles();
    return content.store.flush();
  } finally {
    planFlush(content);
  }
}

/** A clean stop of all; the first failure is told when all were tried. */
function stop(): void {
  const failures: ThreadFailure[] = [];
  for (const [sha1, content] of open) {
    try {
      closeContent(sha1, content);
    } catch (error) {
      failures.push(failureOf(error));
    }
  }
  database.close();
  if (failures.length > 0) throw Object.assign(new Error(failures[0].message), { code: failures[0].code });
}

answerRequests((request: StorageRequest) => {
  if (request.type === 'open') return openContent(request);
  if (request.type === 'contents') return database.contents();
  return request.type === 'stop' ? stop() : onContent(request);
});
