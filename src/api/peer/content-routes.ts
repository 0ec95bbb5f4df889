import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Peer } from '../../peer/peer.ts';
import type { Download } from '../../peer/swarm/download.ts';
import { ApiError } from '../api-errors.ts';
import { ErrorSchema, Sha1ParamsSchema } from '../schemas.ts';
import { tellContent } from './content-events.ts';
import type { EventStreams } from './event-stream.ts';
import { fileViews } from './file-views.ts';
import { existingContent } from './peer-routes.ts';
import { FilesQuerySchema, FilesSchema, PeersSchema, PiecesSchema } from './peer-schemas.ts';
import { peerViews } from './peer-views.ts';

/** What one content looks like inside: its pieces, peers and files. */
export function contentRoutes(peer: Peer, streams: EventStreams): FastifyPluginAsyncZod {
  const downloadOf = (sha1: string): Download => {
    const { download } = existingContent(peer, sha1);
    if (!download) throw new ApiError(409, 'NOT_NOW', 'its pieces are not known yet: its metadata is looked for');
    return download;
  };

  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/contents/:sha1/pieces',
      schema: {
        operationId: 'getPieces',
        summary: 'Which pieces are there',
        params: Sha1ParamsSchema,
        response: { 200: PiecesSchema, 404: ErrorSchema, 409: ErrorSchema },
      },
      handler: async ({ params: { sha1 } }) => {
        const { info, have } = downloadOf(sha1);
        const { pieceLength, pieceCount } = info;
        return { pieceLength, pieceCount, have: Buffer.from(have.bytes).toString('base64') };
      },
    });

    app.route({
      method: 'GET',
      url: '/api/v1/contents/:sha1/peers',
      schema: {
        operationId: 'getPeers',
        summary: 'The peers that it is connected to',
        params: Sha1ParamsSchema,
        response: { 200: PeersSchema, 404: ErrorSchema },
      },
      handler: async ({ params: { sha1 } }) => ({ peers: peerViews(existingContent(peer, sha1)) }),
    });

    app.route({
      method: 'GET',
      url: '/api/v1/contents/:sha1/files',
      schema: {
        operationId: 'getFiles',
        summary: 'Its files, and how much of each is there',
        params: Sha1ParamsSchema,
        querystring: FilesQuerySchema,
        response: { 200: FilesSchema, 400: ErrorSchema, 404: ErrorSchema, 409: ErrorSchema },
      },
      handler: async ({ params: { sha1 }, query: { after, limit } }) => fileViews(downloadOf(sha1), after, limit),
    });

    app.route({
      method: 'GET',
      url: '/api/v1/contents/:sha1/events',
      exposeHeadRoute: false,
      schema: {
        operationId: 'listenToContent',
        summary: 'Server-sent events: its pieces and peers (`snapshot`), then `changes`, and `removed` at the end',
        params: Sha1ParamsSchema,
      },
      handler: async ({ params: { sha1 } }, reply) => {
        const content = existingContent(peer, sha1);
        tellContent(content, streams.open(reply.raw), () => peer.content(sha1) === content);
        reply.hijack();
      },
    });
  };
}
