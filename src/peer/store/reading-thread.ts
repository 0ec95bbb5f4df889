import { answerRequests } from './answer-requests.ts';
import { readContent } from './content-reader.ts';
import { DiskFiles } from './disk-files.ts';
import { knownInfo } from './known-info.ts';
import { SealedFiles } from './sealed-files.ts';
import type { ReadRequest } from './storage-messages.ts';

// The thread that reads what is sent to others, so that they never wait for what is being written.

const open = new Map<string, () => SealedFiles>();

/** Nobody waits until the torrent is read: that is done when nothing else is to do, or when the first bytes are asked for. */
function openFiles({ sha1, folder, metainfo, sealed }: Extract<ReadRequest, { type: 'openFiles' }>): void {
  const layer = new DiskFiles({ folder, readOnly: true });
  let files: SealedFiles | undefined;
  const read = () => {
    if (!files) {
      files = new SealedFiles(knownInfo({ sha1, metainfo }).files, layer);
      if (sealed) files.seal(sealed);
    }
    return files;
  };
  open.set(sha1, read);
  setImmediate(read);
}

answerRequests((request: ReadRequest) => {
  if (request.type === 'openFiles') return openFiles(request);
  const { sha1 } = request;
  const files = open.get(sha1)?.();
  if (!files) throw Object.assign(new Error(`the content ${sha1} is not open`), { code: 'NOT_OPEN' });
  if (request.type === 'read') readContent(files.all, files, request.offset, request.into);
  else if (request.type === 'seal') files.seal(request.states);
  else if (request.type === 'unseal') files.unseal();
  else {
    files.close();
    open.delete(sha1);
  }
});
