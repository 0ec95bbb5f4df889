// What the pages tell the peer. Each says in a toast what went wrong.

import type { PeerContentView, ShareView } from '../../../src/api/peer/peer-schemas.ts';
import { ApiFailure, send } from '../api/api-client.ts';
import { toastError } from '../components/toasts.tsx';
import { navigate } from '../routing/router.ts';

const CONTENTS = '/api/v1/contents';

export async function pause(sha1: string): Promise<void> {
  await send('POST', `${CONTENTS}/${sha1}/pause`).catch(toastError);
}

export async function resume(sha1: string): Promise<void> {
  await send('POST', `${CONTENTS}/${sha1}/resume`).catch(toastError);
}

export async function recheck(sha1: string): Promise<void> {
  await send('POST', `${CONTENTS}/${sha1}/recheck`).catch(toastError);
}

export async function remove(sha1: string): Promise<void> {
  await send('DELETE', `${CONTENTS}/${sha1}`).catch(toastError);
}

/** A content by its sha1, magnet link, name, or path of a torrent file. @throws {ApiFailure} */
export async function download(content: string, name?: string | null): Promise<PeerContentView> {
  return await send<PeerContentView>('POST', CONTENTS, { content, ...(name && { name }) });
}

/** @throws {ApiFailure} */
export async function downloadTorrent(file: Blob): Promise<PeerContentView> {
  return await sendFile<PeerContentView>('/api/v1/torrents', file, 'application/x-bittorrent');
}

/** Shares something that lies on the machine of the peer. @throws {ApiFailure} */
export async function share(what: { path: string } | { entry: string }): Promise<ShareView> {
  return await send<ShareView>('POST', '/api/v1/shares', what);
}

/** Calls off a share, or takes one that ended from the list. */
export async function dismissShare(id: number): Promise<void> {
  await send('DELETE', `/api/v1/shares/${id}`).catch(toastError);
}

/** However long it takes. @throws {ApiFailure} */
export async function upload(file: File): Promise<ShareView> {
  return await sendFile<ShareView>(
    `/api/v1/uploads?name=${encodeURIComponent(file.name)}`,
    file,
    'application/octet-stream',
  );
}

export function show(sha1: string): void {
  navigate(`/downloads/${sha1}`);
}

async function sendFile<Answer>(path: string, file: Blob, type: string): Promise<Answer> {
  let reply: Response;
  try {
    reply = await fetch(path, { method: 'POST', body: file, headers: { 'content-type': type }, credentials: 'omit' });
  } catch {
    throw new ApiFailure(
      0,
      'UNREACHABLE',
      `sending broke off: the file cannot be read, or ${location.host} does not answer`,
    );
  }
  const answer = await reply.json().catch(() => undefined);
  if (reply.ok) return answer as Answer;
  const { code = 'ERROR', message = `the server answered ${reply.status}` } = answer?.error ?? {};
  throw new ApiFailure(reply.status, code, message);
}
