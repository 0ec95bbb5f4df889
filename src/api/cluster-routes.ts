import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Tracker } from '../tracker/tracker.ts';
import { clusterJson } from './cluster-json.ts';
import { ClusterSchema } from './schemas.ts';

export function clusterRoutes(tracker: Tracker): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/cluster',
      schema: {
        operationId: 'getCluster',
        tags: ['cluster'],
        summary: 'What this instance knows of the cluster',
        response: { 200: ClusterSchema },
      },
      handler: async () => clusterJson(tracker.status()),
    });
  };
}
