// Requests to the JSON API: of the instance that the live connection has, of the peer daemon for its pages.

import { signal } from '@preact/signals';
import type { ErrorReply } from '../../../src/api/schemas.ts';

/** Where the API is when not where the pages came from: `http://192.0.2.7:6969`, after a change to another member. '' at home. */
export const apiOrigin = signal('');
/** In the storage of the browser's tab, which goes with it. */
const TOKEN_KEY = 'adminToken';
/** Lets this page change state from another machine. */
export const adminToken = signal(rememberedToken());

/** The server refused, or could not be asked. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  /** As in ErrorReply; UNREACHABLE where nobody answered. */
  readonly code: string;
  /** HTTP; 0 where nobody answered. */
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Waits no longer than that for an answer. */
const TIMEOUT_MS = 15_000;

/**
 * @param path with the query, e.g. `/api/v1/contents?limit=50`
 * @throws {ApiFailure}
 */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await request('GET', path, undefined, signal)) as T;
}

/**
 * Changes something; undefined where the answer is empty.
 * @throws {ApiFailure}
 */
export async function send<T = undefined>(
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<T> {
  return (await request(method, path, body)) as T;
}

/** '' forgets it. */
export function setAdminToken(token: string): void {
  adminToken.value = token;
  try {
    if (token === '') sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, token);
  } catch {
    // Storage is switched off: it lasts as long as the page.
  }
}

async function request(method: string, path: string, body: unknown, aborted?: AbortSignal): Promise<unknown> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  // Other members take no header that a browser has to ask for first.
  if (adminToken.value !== '' && apiOrigin.value === '') headers.authorization = `Bearer ${adminToken.value}`;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let reply: Response;
  try {
    reply = await fetch(apiOrigin.value + path, {
      method,
      headers,
      credentials: 'omit',
      cache: 'no-store',
      signal: aborted === undefined ? timeout : AbortSignal.any([aborted, timeout]),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch (error) {
    if (aborted?.aborted) throw error;
    const host = apiOrigin.value === '' ? location.host : new URL(apiOrigin.value).host;
    throw new ApiFailure(0, 'UNREACHABLE', `${host} does not answer; try again in a moment`);
  }
  if (reply.ok) return reply.status === 204 ? undefined : await reply.json();
  throw await failureOf(reply);
}

async function failureOf(reply: Response): Promise<ApiFailure> {
  const told: ErrorReply | undefined = await reply.json().catch(() => undefined);
  const { code = 'ERROR', message = `the server answered ${reply.status}` } = told?.error ?? {};
  return new ApiFailure(reply.status, code, message);
}

function rememberedToken(): string {
  try {
    return sessionStorage.getItem(TOKEN_KEY) ?? '';
  } catch {
    return '';
  }
}
