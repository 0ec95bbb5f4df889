import { realpath } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncZod, ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ApiError } from '../api-errors.ts';
import { ErrorSchema } from '../schemas.ts';
import { requireAbsolute } from './peer-routes.ts';
import {
  FolderQuerySchema,
  FolderSchema,
  ShareParamsSchema,
  SharePathSchema,
  ShareSchema,
  SharesSchema,
  UploadQuerySchema,
} from './peer-schemas.ts';
import type { ShareFolder } from './share-folder.ts';
import type { Shares } from './shares.ts';

/** What is to be shared: paths of this machine, entries of the folder that pages may share from, uploads. */
export function shareRoutes(shares: Shares, folder: ShareFolder | undefined): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/shares',
      schema: {
        operationId: 'listShares',
        summary: 'What was asked to be shared since the start, and how far its hashing is',
        response: { 200: SharesSchema },
      },
      handler: async () => ({ shares: [...shares.all] }),
    });

    app.route({
      method: 'POST',
      url: '/api/v1/shares',
      schema: {
        operationId: 'sharePath',
        summary: 'Share a file or folder: it is hashed first, which the list of shares and the events tell of',
        body: SharePathSchema,
        response: { 202: ShareSchema, 400: ErrorSchema, 403: ErrorSchema, 404: ErrorSchema, 429: ErrorSchema },
      },
      handler: async ({ body }, reply) => {
        const path = 'entry' in body ? await allowed(folder).resolve(body.entry) : await pathOf(body.path);
        return reply.status(202).send(shares.begin(path));
      },
    });

    app.route({
      method: 'DELETE',
      url: '/api/v1/shares/:id',
      schema: {
        operationId: 'removeShare',
        summary: 'Call off a share that is under way, and take it from the list; what is shared already stays shared',
        params: ShareParamsSchema,
        response: { 204: z.void(), 400: ErrorSchema, 404: ErrorSchema },
      },
      handler: async ({ params: { id } }, reply) => {
        shares.remove(id);
        return reply.status(204).send();
      },
    });

    app.route({
      method: 'GET',
      url: '/api/v1/folder',
      schema: {
        operationId: 'listFolder',
        summary: 'What can be shared of the folder that the operator allows',
        querystring: FolderQuerySchema,
        response: { 200: FolderSchema, 403: ErrorSchema, 404: ErrorSchema },
      },
      handler: async ({ query: { path } }) => await allowed(folder).list(path),
    });

    await app.register(async (uploads) => {
      // As a stream: however large it is, little of it is in memory.
      uploads.addContentTypeParser('application/octet-stream', (_request, body, done) => done(null, body));
      uploads.withTypeProvider<ZodTypeProvider>().route({
        method: 'POST',
        url: '/api/v1/uploads',
        schema: {
          operationId: 'upload',
          summary: 'Send a file, which is the body (application/octet-stream, with its Content-Length), and share it',
          querystring: UploadQuerySchema,
          response: { 202: ShareSchema, 400: ErrorSchema, 411: ErrorSchema, 429: ErrorSchema, 507: ErrorSchema },
        },
        handler: async ({ query: { name }, headers, body }, reply) => {
          const size = Number(headers['content-length'] ?? Number.NaN);
          if (!Number.isSafeInteger(size)) {
            throw new ApiError(411, 'LENGTH_REQUIRED', 'an upload must say in Content-Length how many bytes it has');
          }
          try {
            return reply.status(202).send(await shares.receive(name, size, body as Readable));
          } catch (error) {
            // What is still to come of the file is of no use.
            reply.header('connection', 'close');
            throw error;
          }
        },
      });
    });
  };

  /** Where there is a folder to share from, nothing else may be shared. */
  async function pathOf(path: string): Promise<string> {
    requireAbsolute(path, 'path');
    if (!folder) return path;
    const found = await realpath(path).catch(() => path);
    if (folder.contains(found)) return found;
    throw new ApiError(
      403,
      'NOT_ALLOWED',
      `only what lies in ${folder.path} may be shared, the --share-folder of this peer`,
    );
  }
}

/** @throws {ApiError} NOT_ALLOWED */
function allowed(folder: ShareFolder | undefined): ShareFolder {
  if (folder) return folder;
  throw new ApiError(403, 'NOT_ALLOWED', 'this peer has no folder to share from; start it with --share-folder DIR');
}
