import { isAbsolute } from 'node:path';
import type { FastifyPluginAsyncZod, ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { MAX_METAINFO_BYTES } from '../../bittorrent/metainfo.ts';
import type { Peer } from '../../peer/peer.ts';
import type { PeerContent } from '../../peer/peer-content.ts';
import { wantedTorrent } from '../../peer/wanted-content.ts';
import { ApiError } from '../api-errors.ts';
import { ErrorSchema, Sha1ParamsSchema } from '../schemas.ts';
import {
  AddContentSchema,
  AddTorrentQuerySchema,
  PeerContentSchema,
  PeerContentsSchema,
  RatesChangeSchema,
  RatesSchema,
} from './peer-schemas.ts';
import { contentView, ratesView } from './peer-views.ts';

/** Of a torrent file: what browsers call it, and what they call everything they do not know. */
const TORRENT_TYPES = ['application/x-bittorrent', 'application/octet-stream'];
const DONE = { 204: z.void(), 404: ErrorSchema };

/** What the peer shares and gets, and how fast. */
export function peerRoutes(peer: Peer, defaultFolder: string): FastifyPluginAsyncZod {
  const contentOf = (sha1: string) => existingContent(peer, sha1);

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
        const { content: text, name, folder = defaultFolder, peers, sequential, paused } = body;
        requireAbsolute(folder, 'folder');
        try {
          const wanted = await peer.find(text);
          const named = { ...wanted, name: wanted.name ?? name };
          const content = await peer.get(named, { folder, peers, sequential, isPaused: paused });
          return reply.status(201).send(contentView(content));
        } catch (error) {
          throw refusal(error as Error & { code?: string });
        }
      },
    });

    await app.register(async (torrents) => {
      for (const type of TORRENT_TYPES) {
        const limits = { parseAs: 'buffer', bodyLimit: MAX_METAINFO_BYTES } as const;
        torrents.addContentTypeParser(type, limits, (_request, body, done) => done(null, body));
      }
      torrents.withTypeProvider<ZodTypeProvider>().route({
        method: 'POST',
        url: '/api/v1/torrents',
        schema: {
          operationId: 'addTorrent',
          summary: `Get the content of a torrent file, which is the body; ${TORRENT_TYPES.join(' or ')}`,
          querystring: AddTorrentQuerySchema,
          response: { 201: PeerContentSchema, 400: ErrorSchema, 422: ErrorSchema },
        },
        handler: async ({ body, query: { folder = defaultFolder, sequential, paused } }, reply) => {
          requireAbsolute(folder, 'folder');
          if (!Buffer.isBuffer(body)) throw new ApiError(400, 'BAD_REQUEST', 'the body must be a torrent file');
          try {
            const wanted = wantedTorrent(body, 'what was sent');
            const content = await peer.get(wanted, { folder, sequential, isPaused: paused });
            return reply.status(201).send(contentView(content));
          } catch (error) {
            throw refusal(error as Error & { code?: string });
          }
        },
      });
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
      method: 'PUT',
      url: '/api/v1/rates',
      schema: {
        operationId: 'setRates',
        summary: 'Limit what all contents together receive and send, until the peer ends; what is left out stays',
        body: RatesChangeSchema,
        response: { 200: RatesSchema, 400: ErrorSchema },
      },
      handler: async ({ body: { upload, download } }) => {
        peer.setRates({
          ...(upload === undefined ? {} : { upload: upload ?? Number.POSITIVE_INFINITY }),
          ...(download === undefined ? {} : { download: download ?? Number.POSITIVE_INFINITY }),
        });
        return ratesView(peer);
      },
    });
  };
}

/** @throws {ApiError} NOT_FOUND */
export function existingContent(peer: Peer, sha1: string): PeerContent {
  const content = peer.content(sha1);
  if (!content) throw new ApiError(404, 'NOT_FOUND', `this peer neither shares nor gets ${sha1}`);
  return content;
}

/** Nobody knows which folder the peer was started in. */
export function requireAbsolute(path: string, field: string): void {
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
export function refusal(error: Error & { code?: string }): Error {
  if (typeof error.code !== 'string' || error.code.startsWith('ERR_')) return error;
  return new ApiError(STATUS[error.code] ?? 422, error.code, error.message);
}
