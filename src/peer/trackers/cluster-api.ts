import { isIP } from 'node:net';
import { z } from 'zod';
import type { PeerEndpoint } from '../../bittorrent/magnet.ts';
import { httpGet } from './http-get.ts';
import { TrackerError } from './tracker-error.ts';

/** Contents on one page. */
export const PAGE = 1_000;
/** Longest answer that is read, bytes; a full page of contents is a tenth of it. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
export const API_TIMEOUT_MS = 10_000;
/** Instances that may fail one after the other, for one answer. */
export const MAX_FAILURES = 5;

/** Finds instances to ask. */
export interface InstanceFinder {
  /** @throws {TrackerError} NO_TRACKER, STOPPED */
  locate(): Promise<PeerEndpoint>;
  /** It did not answer. */
  forget(instance: PeerEndpoint): void;
}

/** A content of the cluster's list. */
export interface ListedContent {
  /** The info-hash, 40 lowercase hexadecimal digits. */
  readonly sha1: string;
  readonly name: string | null;
  /** Bytes. */
  readonly size: number | null;
  readonly seeders: number;
  readonly leechers: number;
  /** Downloads completed so far. */
  readonly completed: number;
}

/**
 * All contents that the cluster knows, page by page in the order of their sha1; there is always a first page. An instance
 * that dies in between is replaced by the next one.
 * @throws {TrackerError} NO_TRACKER, UNREACHABLE, NO_ANSWER, MALFORMED_REPLY, STOPPED
 */
export async function* listContents(
  finder: InstanceFinder,
  signal: AbortSignal,
): AsyncGenerator<readonly ListedContent[]> {
  for (let after = ''; ; ) {
    const path = `/api/v1/contents?limit=${PAGE}${after === '' ? '' : `&after=${after}`}`;
    const { contents, next } = await ask(finder, path, PAGE_SCHEMA, signal);
    yield contents;
    if (next === null) return;
    // Without this a wrong answer would be asked for again without end.
    if (next <= after)
      throw new TrackerError('MALFORMED_REPLY', 'the list of contents does not go on where it stopped');
    after = next;
  }
}

/** What part of the list is wanted, and in which order. What it may be the API of an instance says. */
export interface ContentsQuery {
  readonly search?: string | undefined;
  readonly sort?: string | undefined;
  readonly order?: string | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
  /** At most PAGE. */
  readonly limit: number;
}

export interface ContentsPage {
  readonly contents: readonly ListedContent[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
  /** How many match in all; null where that is not counted. */
  readonly total: number | null;
}

/** One page of the contents that match, as an instance that answers finds them. @throws {TrackerError} as `listContents` */
export async function findContents(
  finder: InstanceFinder,
  { limit, ...parts }: ContentsQuery,
  signal: AbortSignal,
): Promise<ContentsPage> {
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries(parts)) if (value !== undefined) query.set(name, value);
  return await ask(finder, `/api/v1/contents?${query}`, FOUND_SCHEMA, signal);
}

/** Where the instances of the cluster are. @throws {TrackerError} */
export async function listInstances(finder: InstanceFinder, signal: AbortSignal): Promise<PeerEndpoint[]> {
  const { members } = await ask(finder, '/api/v1/cluster', CLUSTER_SCHEMA, signal);
  return members
    .filter(({ address, clientPort }) => isIP(address) !== 0 && clientPort !== 0)
    .map(({ address, clientPort }) => ({ host: address, port: clientPort }));
}

/** Asks whichever instance answers, until one does. */
async function ask<Schema extends z.ZodType>(
  finder: InstanceFinder,
  path: string,
  schema: Schema,
  signal: AbortSignal,
): Promise<z.output<Schema>> {
  for (let failures = 0; ; failures++) {
    const endpoint = await finder.locate();
    const at = isIP(endpoint.host) === 6 ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
    let reply: Awaited<ReturnType<typeof httpGet>>;
    try {
      const limits = { maxBytes: MAX_ANSWER_BYTES, timeoutMs: API_TIMEOUT_MS };
      reply = await httpGet(`http://${at}${path}`, { ...limits, signal });
    } catch (error) {
      const { code } = error as TrackerError;
      finder.forget(endpoint);
      if ((code !== 'UNREACHABLE' && code !== 'NO_ANSWER') || failures === MAX_FAILURES) throw error;
      continue;
    }
    const answer = schema.safeParse(parseJson(reply.body));
    if (reply.status === 200 && answer.success) return answer.data;
    throw new TrackerError(
      'MALFORMED_REPLY',
      `what answers at ${at} is no swarmkeeper of this version (HTTP status ${reply.status})`,
    );
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

const count = z.int().nonnegative();
const sha1 = z.string().regex(/^[0-9a-f]{40}$/);

const PAGE_SCHEMA = z.object({
  contents: z
    .array(
      z.object({
        sha1,
        name: z.string().nullable(),
        size: z.number().nonnegative().nullable(),
        seeders: count,
        leechers: count,
        completed: count,
      }),
    )
    .max(PAGE),
  next: sha1.nullable(),
});

const FOUND_SCHEMA = PAGE_SCHEMA.extend({ next: z.string().nullable(), total: count.nullable() });

const CLUSTER_SCHEMA = z.object({
  members: z.array(z.object({ address: z.string(), clientPort: z.int().min(0).max(65_535) })),
});
