import type { ContentFile } from '../../bittorrent/content-layout.ts';
import { answerRequests } from './answer-requests.ts';
import { readContent } from './content-reader.ts';
import { DiskFiles } from './disk-files.ts';
import { readMetainfo } from './local-metainfo.ts';
import type { ReadRequest } from './storage-messages.ts';

// The thread that reads what is sent to others, so that they never wait for what is being written.

const open = new Map<string, { readonly files: readonly ContentFile[]; readonly layer: DiskFiles }>();

answerRequests((request: ReadRequest) => {
  const { type, sha1 } = request;
  if (type === 'openFiles') {
    const { info } = readMetainfo(request.metainfo);
    open.set(sha1, { files: info.files, layer: new DiskFiles({ folder: request.folder, readOnly: true }) });
    return;
  }
  const content = open.get(sha1);
  if (!content) throw Object.assign(new Error(`the content ${sha1} is not open`), { code: 'NOT_OPEN' });
  if (type === 'read') {
    readContent(content.files, content.layer, request.offset, request.into);
    return;
  }
  content.layer.close();
  open.delete(sha1);
});
