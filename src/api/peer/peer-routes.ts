import { isAbsolute } from 'node:path';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Peer } from '../../peer/peer.ts';
import type { PeerContent } from '../../peer/peer-content.ts';
import { ApiError } from '../api-errors.ts';
import { ErrorSchema, Sha1ParamsSchema } from '../schemas.ts';
import {
  AddContentSchema,
  PeerContentSchema,
  PeerContentsSchema,
  PeersSchema,
  PiecesSchema,
  SharePathSchema,
  ShareSchema,
  SharesSchema,
} from './peer-schemas.ts';
import { contentView, peerViews } from './peer-views.ts';
import type { Shares } from './shares.ts';

const DONE = { 204: z.void(), 404: ErrorSchema };

export function peerRoutes(peer: Peer, shares: Shares, defaultFolder: string): FastifyPluginAsyncZod {
  const contentOf = (sha1: string): PeerContent => {
    const content = peer.content(sha1);
    if (!content) throw new ApiError(404, 'NOT_FOUND', `this peer neither shares nor gets ${sha1}`);
    return content;
  };

  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/contents',
      schema: {
        operationId: 'listContents',
        summary: 'What this peer shares and gets',
        response: { 200: PeerContentsSchema },
      },
      handler: async () => ({ contents: peer.contents.map(contentView) }),
    });

    app.route({
      method: 'POST',
      url: '/api/v1/contents',
      schema: {
        operationId: 'addContent',
        summary: 'Get a content; one that is there already is given as it is',
        body: AddContentSchema,
        response: { 201: PeerContentSchema, 400: ErrorSchema, 404: ErrorSchema, 422: ErrorSchema, 503: ErrorSchema },
      },
      handler: async ({ body }, reply) => {
        const { content: text, folder = defaultFolder, peers, sequential, paused } = body;
        requireAbsolute(folder, 'folder');
        try {
          const wanted = await peer.find(text);
          const content = await peer.get(wanted, { folder, peers, sequential, isPaused: paused });
          return reply.status(201).send(contentView(content));
        } catch (error) {
          throw refusal(error as Error & { code?: string });
        }
      },
    });

    app.route({
      method: 'GET',
      url: '/api/v1/contents/:sha1',
      schema: {
        operationId: 'getContent',
        summary: 'One content',
        params: Sha1ParamsSchema,
        response: { 200: PeerContentSchema, 404: ErrorSchema },
      },
      handler: async ({ params: { sha1 } }) => contentView(contentOf(sha1)),
    });

    app.route({
      method: 'DELETE',
      url: '/api/v1/contents/:sha1',
      schema: {
        operationId: 'removeContent',
        summary: 'Forget a content; its files stay',
        params: Sha1ParamsSchema,
        response: DONE,
      },
      handler: async ({ params: { sha1 } }, reply) => {
        contentOf(sha1);
        await peer.remove(sha1);
        return reply.status(204).send();
      },
    });

    app.route({
      method: 'POST',
      url: '/api/v1/contents/:sha1/pause',
      schema: {
        operationId: 'pauseContent',
        summary: 'Stop getting and sharing a content until it is resumed, a restart of the peer included',
        params: Sha1ParamsSchema,
        response: DONE,
      },
      handler: async ({ params: { sha1 } }, reply) => {
        contentOf(sha1);
        await peer.pause(sha1);
        return reply.status(204).send();
      },
    });

    app.route({
      method: 'POST',
      url: '/api/v1/contents/:sha1/resume',
      schema: {
        operationId: 'resumeContent',
        summary: 'Go on with a content that is paused, by hand or since something was wrong',
        params: Sha1ParamsSchema,
        response: DONE,
      },
      handler: async ({ params: { sha1 } }, reply) => {
        contentOf(sha1);
        await peer.resume(sha1);
        return reply.status(204).send();
      },
    });

    app.route({
      method: 'POST',
      url: '/api/v1/contents/:sha1/recheck',
      schema: {
        operationId: 'recheckContent',
        summary: 'Hash all that is on disk; the state says when it is over',
        params: Sha1ParamsSchema,
        response: { 202: PeerContentSchema, 404: ErrorSchema, 409: ErrorSchema },
      },
      handler: async ({ params: { sha1 }, log }, reply) => {
        const content = contentOf(sha1);
        if (!content.download || content.state === 'checking') {
          throw new ApiError(409, 'NOT_NOW', 'nothing can be checked now: its state says why');
        }
        content.recheck().catch((error: Error) => log.error({ err: error, sha1 }, 'a re-check failed'));
        return reply.status(202).send(contentView(content));
      },
    });

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
        const { download } = contentOf(sha1);
        if (!download) throw new ApiError(409, 'NOT_NOW', 'its pieces are not known yet: its metadata is looked for');
        const { pieceLength, pieceCount } = download.info;
        return { pieceLength, pieceCount, have: Buffer.from(download.have.bytes).toString('base64') };
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
      handler: async ({ params: { sha1 } }) => ({ peers: peerViews(contentOf(sha1)) }),
    });

    app.route({
      method: 'POST',
      url: '/api/v1/shares',
      schema: {
        operationId: 'sharePath',
        summary: 'Share a file or folder: it is hashed first, which the list of shares and the events tell of',
        body: SharePathSchema,
        response: { 202: ShareSchema, 400: ErrorSchema, 429: ErrorSchema },
      },
      handler: async ({ body: { path } }, reply) => {
        requireAbsolute(path, 'path');
        return reply.status(202).send(shares.begin(path));
      },
    });

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
  };
}

/** Nobody knows which folder the peer was started in. */
function requireAbsolute(path: string, field: string): void {
  if (!isAbsolute(path)) throw new ApiError(400, 'BAD_REQUEST', `body: ${field} must be an absolute path`);
}

const STATUS: Readonly<Record<string, number>> = {
  NO_SUCH_CONTENT: 404,
  NO_SUCH_FILE: 404,
  NO_TRACKER: 503,
  UNREACHABLE: 503,
  NO_ANSWER: 503,
};

/** What has a code of ours is the caller's to mend; the rest is a fault. */
function refusal(error: Error & { code?: string }): Error {
  if (typeof error.code !== 'string' || error.code.startsWith('ERR_')) return error;
  return new ApiError(STATUS[error.code] ?? 422, error.code, error.message);
}
