import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Peer } from '../../peer/peer.ts';
import { ContentsQuerySchema, ErrorSchema } from '../schemas.ts';
import { refusal } from './peer-routes.ts';
import { ClusterContentsSchema } from './peer-schemas.ts';

/** What others share: the list of the cluster, asked through the Peer Info Requester. */
export function clusterContentsRoutes(peer: Peer): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/cluster/contents',
      schema: {
        operationId: 'listClusterContents',
        summary: 'The contents that the cluster knows; `search`, `sort` and pages are those of its instances',
        querystring: ContentsQuerySchema,
        response: { 200: ClusterContentsSchema, 400: ErrorSchema, 503: ErrorSchema },
      },
      handler: async ({ query }) => {
        try {
          const { contents, next, total } = await peer.requester.search(query);
          return { contents: [...contents], next, total };
        } catch (error) {
          throw refusal(error as Error & { code?: string });
        }
      },
    });
  };
}
