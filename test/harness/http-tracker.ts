import { randomBytes } from 'node:crypto';
import { type BencodeDictionary, decodeDictionary } from '../../src/bittorrent/bencode.ts';
import { type AddressFamily, type PeerAddress, readCompactPeers } from '../../src/bittorrent/compact-peers.ts';
import { percentEncode } from '../../src/bittorrent/percent-encoding.ts';
import { exchange, type HttpReply, type RawConnectionOptions } from './raw-connection.ts';

/** Fields of the query, as text that is not escaped again; bytes are. */
export type QueryFields = Readonly<Record<string, string | number | Uint8Array | undefined>>;

/** A peer's announce; `port` is the one that others reach it at. Undefined takes a field out. */
export function announceQuery(infoHash: Uint8Array, port: number, more: QueryFields = {}): string {
  return formatQuery({ info_hash: infoHash, peer_id: PEER_ID, port, uploaded: 0, downloaded: 0, left: 1, ...more });
}

export function scrapeQuery(infoHashes: readonly Uint8Array[]): string {
  return infoHashes.map((infoHash) => formatQuery({ info_hash: infoHash })).join('&');
}

function formatQuery(fields: QueryFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value instanceof Uint8Array ? percentEncode(value) : value}`)
    .join('&');
}

/** A request as ordinary clients send it: one packet, and the connection is theirs alone. */
export function httpGet(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: tracker\r\nUser-Agent: test\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n`;
}

/** Announces over a connection of its own. */
export async function httpAnnounce(
  port: number,
  query: string,
  options?: RawConnectionOptions,
): Promise<HttpAnnounceReply> {
  const reply = await exchange(port, httpGet(`/announce?${query}`), options);
  return readAnnounceReply(reply, options?.host?.includes(':') ? 6 : 4);
}

export interface HttpAnnounceReply {
  readonly intervalSeconds: number;
  readonly seeders: number;
  readonly leechers: number;
  readonly completed: number;
  readonly peers: PeerAddress[];
}

/** @throws with the failure reason, when there is one */
export function readAnnounceReply(reply: HttpReply, family: AddressFamily): HttpAnnounceReply {
  const body = bencodedBody(reply);
  const failure = body.get('failure reason');
  if (failure !== undefined) throw new Error(`the tracker replied: ${Buffer.from(failure as Uint8Array)}`);
  const peers = (family === 4 ? body.get('peers') : (body.get('peers6') ?? new Uint8Array(0))) as Uint8Array;
  return {
    intervalSeconds: body.get('interval') as number,
    seeders: body.get('complete') as number,
    leechers: body.get('incomplete') as number,
    completed: body.get('downloaded') as number,
    peers: readCompactPeers(peers, family),
  };
}

export function failureReason(reply: HttpReply): string | undefined {
  const reason = bencodedBody(reply).get('failure reason');
  return reason === undefined ? undefined : Buffer.from(reason as Uint8Array).toString();
}

export function bencodedBody({ body }: HttpReply): BencodeDictionary {
  return decodeDictionary(body);
}

const PEER_ID = Uint8Array.from(randomBytes(20));
