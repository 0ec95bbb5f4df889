import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { ApiError } from './api-errors.ts';
import { isLoopback, normaliseAddress } from './client-address.ts';

export interface WriteAccessOptions {
  /** Lets whoever presents it in change state from anywhere; without one, only loopback may. */
  readonly adminToken?: string | undefined;
  /** Addresses that this instance answers at; a browser that names another host was misled. */
  readonly ownHosts: readonly string[];
}

/** The same for the OpenAPI document: with the token, or from this machine. */
export const WRITE_SECURITY = [{ adminToken: [] }, {}];

/**
 * Who may change state: whoever has the admin token, and anyone on this machine. A page of another site that runs in
 * a browser on this machine comes from loopback too, so without the token a request must name this instance in
 * Host (against DNS rebinding) and come from no other Origin (against cross-site requests); JSON bodies, the only
 * ones there are, make a browser ask first on top of that.
 * @returns the check; it throws ApiError UNAUTHORIZED or FORBIDDEN
 */
export function writeAccess(options: WriteAccessOptions): (request: FastifyRequest) => Promise<void> {
  const token = options.adminToken === undefined ? undefined : digest(options.adminToken);
  const ownHosts = new Set(options.ownHosts.map(normaliseAddress));

  return async (request) => {
    const presented = bearerToken(request.headers.authorization);
    if (presented !== undefined) {
      if (token !== undefined && timingSafeEqual(digest(presented), token)) return;
      throw new ApiError(401, 'UNAUTHORIZED', 'the admin token is not the one of this instance');
    }
    if (!isLocal(request)) {
      throw new ApiError(
        401,
        'UNAUTHORIZED',
        'changes from another machine need the admin token: Authorization: Bearer TOKEN',
      );
    }
    const host = requestHost(request.headers.host);
    if (host === undefined || !(host.name === 'localhost' || isLoopback(host.name) || ownHosts.has(host.name))) {
      throw new ApiError(403, 'FORBIDDEN', 'the Host header names another site; use the address of this instance');
    }
    const { origin } = request.headers;
    if (origin !== undefined && origin !== `http://${host.authority}`) {
      throw new ApiError(403, 'FORBIDDEN', 'a page of another site may not change anything here');
    }
  };
}

/** Whether who asks is on this very machine. */
export function isLocal(request: FastifyRequest): boolean {
  return isLoopback(request.socket.remoteAddress ?? '') && !isProxied(request);
}

/** A reverse proxy on this machine speaks for others: that the connection is local proves nothing then. */
function isProxied({ headers }: FastifyRequest): boolean {
  return headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined;
}

function bearerToken(header: string | undefined): string | undefined {
  return header === undefined ? undefined : (/^Bearer +(\S+) *$/i.exec(header)?.[1] ?? '');
}

/** The Host header as a browser would normalise it, and its name without brackets and port. */
function requestHost(header: string | undefined): { name: string; authority: string } | undefined {
  if (header === undefined || /[/@?#\\]/.test(header) || !URL.canParse(`http://${header}`)) return undefined;
  const { host, hostname } = new URL(`http://${header}`);
  return { name: hostname.replace(/^\[(.*)\]$/, '$1'), authority: host };
}

/** Equal lengths, as timingSafeEqual wants them. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
