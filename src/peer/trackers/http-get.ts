import type { RequestOptions } from 'node:http';
import { promisify } from 'node:util';
import { unzip } from 'node:zlib';
import type { AddressFamily } from '../../bittorrent/compact-peers.ts';
import { stopped, TrackerError } from './tracker-error.ts';

export const HTTP_TIMEOUT_MS = 30_000;
export const MAX_REDIRECTS = 5;

export interface GetOptions {
  readonly signal: AbortSignal;
  /** Longest body that is read, bytes, also once it is unpacked. */
  readonly maxBytes: number;
  /** For all of it, redirects included; HTTP_TIMEOUT_MS by default. However slowly it comes, it ends then. */
  readonly timeoutMs?: number;
  /** Where the URL's host is, when that is known. Other hosts, behind a redirect, are looked up in the same family. */
  readonly at?: { readonly family: AddressFamily; readonly address: string } | undefined;
  /** Certificates of authorities that are trusted, PEM, instead of the system's. */
  readonly ca?: string | undefined;
}

export interface HttpReply {
  readonly status: number;
  readonly body: Uint8Array;
}

/**
 * Gets what is at the URL, by HTTP or HTTPS, with whatever status.
 * @throws {TrackerError} UNREACHABLE, NO_ANSWER, MALFORMED_REPLY, STOPPED
 */
export async function httpGet(url: string, options: GetOptions): Promise<HttpReply> {
  const { timeoutMs = HTTP_TIMEOUT_MS } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([options.signal, timeout]);
  let at = new URL(url);
  const host = at.hostname;
  try {
    for (let redirects = 0; ; redirects++) {
      const reply = await getOnce(at, { ...options, signal, host });
      if (reply.location === undefined) return { status: reply.status, body: await unpack(reply, options.maxBytes) };
      if (redirects === MAX_REDIRECTS) throw malformed(at, `redirects more than ${MAX_REDIRECTS} times`);
      at = redirected(at, reply.location);
    }
  } catch (error) {
    if (options.signal.aborted) throw stopped(options.signal);
    if (error instanceof TrackerError) throw error;
    if (timeout.aborted) {
      throw new TrackerError(
        'NO_ANSWER',
        `the tracker at ${at.host} did not answer within ${timeoutMs / 1_000} seconds`,
      );
    }
    const { code, message } = error as NodeJS.ErrnoException;
    throw new TrackerError('UNREACHABLE', `the tracker at ${at.host} cannot be asked: ${code ?? message}`, {
      cause: error,
    });
  }
}

interface RawReply extends HttpReply {
  readonly encoding: string | undefined;
  /** Where a redirect points. */
  readonly location: string | undefined;
}

function getOnce(url: URL, options: GetOptions & { host: string }): Promise<RawReply> {
  const { signal, maxBytes, ca } = options;
  // An import of node:http takes 20 ms, since it brings all of fetch along; this does not. TLS is for those who need it.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  const headers = { 'user-agent': USER_AGENT, 'accept-encoding': 'gzip', connection: 'close' };
  return new Promise((resolve, reject) => {
    // `fetch` would refuse some port numbers, and send more headers than trackers like.
    const asked = request(
      url,
      { headers, agent: false, signal, ...placeOf(url, options), ...(ca !== undefined && { ca }) },
      (response) => {
        const status = response.statusCode ?? 0;
        const { location } = response.headers;
        const encoding = response.headers['content-encoding'];
        if (REDIRECTS.has(status) && location !== undefined) {
          response.destroy();
          resolve({ status, body: new Uint8Array(0), encoding, location });
          return;
        }
        const chunks: Uint8Array[] = [];
        let length = 0;
        response.on('data', (chunk: Uint8Array) => {
          length += chunk.length;
          if (length > maxBytes) response.destroy(malformed(url, `sends more than ${maxBytes} bytes`));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status, body: Buffer.concat(chunks), encoding, location: undefined }));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

function placeOf(url: URL, { at, host }: GetOptions & { host: string }): Pick<RequestOptions, 'family' | 'lookup'> {
  if (at === undefined) return {};
  const { family, address } = at;
  if (url.hostname !== host) return { family };
  return {
    family,
    lookup: (_name, { all }, found) => (all ? found(null, [{ address, family }]) : found(null, address, family)),
  };
}

function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  if (to === null || (to.protocol !== 'http:' && to.protocol !== 'https:')) {
    throw malformed(from, 'redirects to what is no address of the web');
  }
  // What was said in secret must not be repeated in the clear: the query may hold a passkey.
  if (from.protocol === 'https:' && to.protocol === 'http:') throw malformed(from, 'redirects from https to http');
  return to;
}

async function unpack({ body, encoding }: RawReply, maxBytes: number): Promise<Uint8Array> {
  if (encoding === undefined || encoding === 'identity') return body;
  try {
    return await promisify(unzip)(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new TrackerError('MALFORMED_REPLY', `the tracker's reply, packed as ${encoding}, cannot be unpacked`, {
      cause,
    });
  }
}

function malformed(url: URL, what: string): TrackerError {
  return new TrackerError('MALFORMED_REPLY', `the tracker at ${url.host} ${what}`);
}

const USER_AGENT = 'Swarmkeeper';
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
