import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { ErrorReply } from './schemas.ts';

/** A request that is answered with an error of its own. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly statusCode: number;
  readonly code: string;

  constructor(statusCode: number, code: string, message: string) {
    super(message);
    this.statusCode = statusCode;
    this.code = code;
  }
}

export function errorReply(code: string, message: string): ErrorReply {
  return { error: { code, message } };
}

/**
 * Errors of `ReplicatedLog.propose` by their code: the change was not made, or nobody knows yet. And of `Tracker.contents`: they
 * cannot be searched and sorted, or not now.
 */
const UNAVAILABLE = new Set([
  'NOT_MASTER',
  'UNCERTAIN',
  'LOG_FAILED',
  'LOG_CLOSED',
  'LOG_OVERLOADED',
  'TOO_MANY_CONTENTS',
  'OVERLOADED',
  'CLOSED',
]);
/** Of `Tracker.stepDown` and `Tracker.removeMember`: not as things are. */
const CONFLICTS = new Set(['HANDOVER_FAILED', 'MEMBER_ALIVE', 'MEMBER_NEEDED']);

/** Turns whatever a route threw into the one JSON shape; only faults of this instance are logged. */
export function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, code, message } = describe(error);
  if (status >= 500 && !UNAVAILABLE.has(code) && !(error instanceof ApiError))
    request.log.error({ err: error, url: request.url }, 'request failed');
  return reply
    .status(status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(errorReply(code, message)));
}

export function sendNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0];
  return reply
    .status(404)
    .send(errorReply('NOT_FOUND', `there is no ${request.method} ${path}; /api/v1/openapi.json lists what there is`));
}

function describe(error: FastifyError): { status: number; code: string; message: string } {
  if (hasZodFastifySchemaValidationErrors(error)) {
    return { status: 400, code: 'BAD_REQUEST', message: validationMessage(error) };
  }
  if (UNAVAILABLE.has(error.code)) return { status: 503, code: error.code, message: error.message };
  if (error.code === 'BAD_CURSOR') return { status: 400, code: 'BAD_REQUEST', message: `query: ${error.message}` };
  if (error.code === 'NO_MEMBER') return { status: 404, code: 'NOT_FOUND', message: error.message };
  if (CONFLICTS.has(error.code)) return { status: 409, code: error.code, message: error.message };
  const status = error.statusCode ?? 500;
  if (error instanceof ApiError) return { status, code: error.code, message: error.message };
  if (status >= 500) {
    return { status: 500, code: 'INTERNAL', message: 'the instance failed on this request; its log says why' };
  }
  return { status, code: codeOf(status), message: error.message };
}

function validationMessage(error: {
  validationContext?: string | undefined;
  validation: readonly { instancePath: string; message?: string | undefined }[];
}): string {
  const where = error.validationContext === 'querystring' ? 'query' : (error.validationContext ?? 'request');
  const { instancePath, message } = error.validation[0];
  const path = instancePath.replace(/^\//, '').replaceAll('/', '.');
  return `${path === '' ? where : `${where}: ${path}`} ${message}`;
}

/** `Not Found` -> NOT_FOUND. */
function codeOf(status: number): string {
  return status === 400 ? 'BAD_REQUEST' : (STATUS_CODES[status] ?? 'ERROR').toUpperCase().replaceAll(/[^A-Z]+/g, '_');
}

/** Answers what the HTTP parser refused, on the bare socket, and closes it. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = unreadable(error.code);
  const body = JSON.stringify(errorReply(codeOf(status), message));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    // A client that does not read the answer must not keep the connection.
    () => socket.destroy(),
  );
}

function unreadable(code: string | undefined): [status: number, message: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'the request line and headers are too large'];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'the request took too long to arrive'];
    default:
      return [400, 'this is not an HTTP/1.1 request'];
  }
}
