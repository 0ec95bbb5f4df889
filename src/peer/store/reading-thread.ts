import { answerRequests } from './answer-requests.ts';
import { readContent } from './content-reader.ts';
import { DiskFiles } from './disk-files.ts';
import { readMetainfo } from './local-metainfo.ts';
import { SealedFiles } from './sealed-files.ts';
import type { ReadRequest } from './storage-messages.ts';

// The thread that reads what is sent to others, so that they never wait for what is being written.

const open = new Map<string, () => SealedFiles>();

/** Nobody waits until the torrent is read: that is done when nothing else is to do, or when the first bytes are asked for. */
function openFiles({ sha1, folder, metainfo }: Extract<ReadRequest, { type: 'openFiles' }>): void {
  const layer = new DiskFiles({ folder, readOnly: true });
  let files: SealedFiles | undefined;
  const read = () => {
    files ??= new SealedFiles(readMetainfo(metainfo).info.files, layer);
    return files;
  };
  open.set(sha1, read);
  setImmediate(read);
}

answerRequests((request: ReadRequest) => {
  const { type, sha1 } = request;
  if (type === 'openFiles') return openFiles(request);
  const files = open.get(sha1)?.();
  if (!files) throw Object.assign(new Error(`the content ${sha1} is not open`), { code: 'NOT_OPEN' });
  if (type === 'read') readContent(files.all, files, request.offset, request.into);
  else if (type === 'seal') files.seal();
  else if (type === 'unseal') files.unseal();
  else {
    files.close();
    open.delete(sha1);
  }
});
