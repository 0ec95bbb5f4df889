import { answerRequests } from './answer-requests.ts';
import { readContent } from './content-reader.ts';
import { DiskFiles } from './disk-files.ts';
import { readMetainfo } from './local-metainfo.ts';
import { SealedFiles } from './sealed-files.ts';
import type { ReadRequest } from './storage-messages.ts';

// The thread that reads what is sent to others, so that they never wait for what is being written.

const open = new Map<string, SealedFiles>();

answerRequests((request: ReadRequest) => {
  const { type, sha1 } = request;
  if (type === 'openFiles') {
    const { info } = readMetainfo(request.metainfo);
    open.set(sha1, new SealedFiles(info.files, new DiskFiles({ folder: request.folder, readOnly: true })));
    return;
  }
  const files = open.get(sha1);
  if (!files) throw Object.assign(new Error(`the content ${sha1} is not open`), { code: 'NOT_OPEN' });
  if (type === 'read') readContent(files.all, files, request.offset, request.into);
  else if (type === 'seal') files.seal();
  else if (type === 'unseal') files.unseal();
  else {
    files.close();
    open.delete(sha1);
  }
});
