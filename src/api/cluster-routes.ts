import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { ClusterStatus } from '../cluster/replicated-log.ts';
import type { Tracker } from '../tracker/tracker.ts';
import { safeNumber } from './safe-number.ts';
import { type Cluster, ClusterSchema } from './schemas.ts';

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

export function clusterJson(status: ClusterStatus): Cluster {
  return {
    cluster: status.cluster,
    term: safeNumber(status.term),
    master: status.master ?? null,
    self: status.self,
    commitIndex: safeNumber(status.commitIndex),
    members: status.members.map((member) => ({
      ...member,
      appliedIndex: safeNumber(member.appliedIndex),
      lag: safeNumber(member.lag),
    })),
  };
}
