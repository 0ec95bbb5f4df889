import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Tracker } from '../tracker/tracker.ts';
import { ApiError } from './api-errors.ts';
import { safeNumber } from './safe-number.ts';
import {
  ContentDetailSchema,
  ContentsSchema,
  ErrorSchema,
  PageQuerySchema,
  PeersQuerySchema,
  Sha1ParamsSchema,
} from './schemas.ts';

export function contentsRoutes(tracker: Tracker): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/contents',
      schema: {
        operationId: 'listContents',
        tags: ['contents'],
        summary: 'The available contents, in the order of their sha1',
        querystring: PageQuerySchema,
        response: { 200: ContentsSchema, 400: ErrorSchema },
      },
      handler: async ({ query: { after, limit } }) => {
        const page = await tracker.contents(after === undefined ? { limit } : { after, limit });
        return {
          contents: [...page.contents],
          next: page.next,
          total: null,
          appliedIndex: safeNumber(page.appliedIndex),
        };
      },
    });

    app.route({
      method: 'GET',
      url: '/api/v1/contents/:sha1',
      schema: {
        operationId: 'getContent',
        tags: ['contents'],
        summary: 'One content and its peers',
        params: Sha1ParamsSchema,
        querystring: PeersQuerySchema,
        response: { 200: ContentDetailSchema, 400: ErrorSchema, 404: ErrorSchema },
      },
      handler: async ({ params: { sha1 }, query: { after, limit } }) => {
        const content = await tracker.content(sha1, after === undefined ? { limit } : { after, limit });
        if (content === undefined) throw new ApiError(404, 'NOT_FOUND', `no peer ever announced ${sha1} here`);
        return { ...content, peers: [...content.peers], appliedIndex: safeNumber(content.appliedIndex) };
      },
    });
  };
}
