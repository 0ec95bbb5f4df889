import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { Tracker } from '../tracker/tracker.ts';
import { ApiError } from './api-errors.ts';
import { safeNumber } from './safe-number.ts';
import {
  ContentDetailSchema,
  ContentsQuerySchema,
  ContentsSchema,
  ErrorSchema,
  PeersQuerySchema,
  Sha1ParamsSchema,
  Sha1Schema,
} from './schemas.ts';

export function contentsRoutes(tracker: Tracker): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/contents',
      schema: {
        operationId: 'listContents',
        tags: ['contents'],
        summary: 'The available contents: in the order of their sha1, or searched and sorted',
        querystring: ContentsQuerySchema,
        response: { 200: ContentsSchema, 400: ErrorSchema, 503: ErrorSchema },
      },
      handler: async ({ query }) => {
        const { contents, next, total, appliedIndex } = await tracker.contents({ ...query, after: cursorOf(query) });
        return { contents: [...contents], next, total, appliedIndex: safeNumber(appliedIndex) };
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

/** Where nothing is searched or sorted, a page goes on behind a sha1, in capitals too. */
function cursorOf({ after, search, sort }: z.infer<typeof ContentsQuerySchema>): string | undefined {
  if (after === undefined || search !== undefined || sort !== undefined) return after;
  const sha1 = Sha1Schema.safeParse(after);
  if (!sha1.success) throw new ApiError(400, 'BAD_REQUEST', `query: after ${sha1.error.issues[0].message}`);
  return sha1.data;
}
