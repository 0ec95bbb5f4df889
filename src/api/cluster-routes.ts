import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { Tracker } from '../tracker/tracker.ts';
import type { InstanceEvents } from './instance-events.ts';
import { ClusterSchema, ErrorSchema, MemberParamsSchema } from './schemas.ts';
import { WRITE_SECURITY } from './write-access.ts';

export function clusterRoutes(
  tracker: Tracker,
  events: InstanceEvents,
  mayWrite: (request: FastifyRequest) => Promise<void>,
): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'DELETE',
      url: '/api/v1/cluster/members/:id',
      onRequest: mayWrite,
      schema: {
        operationId: 'removeMember',
        tags: ['cluster'],
        summary: 'Take a member that is dead or was stopped out of the cluster; any instance may be asked',
        security: WRITE_SECURITY,
        params: MemberParamsSchema,
        response: {
          200: ClusterSchema.meta({ description: 'It is out; what this instance knows of the cluster now' }),
          400: ErrorSchema,
          401: ErrorSchema,
          403: ErrorSchema,
          404: ErrorSchema,
          409: ErrorSchema,
          503: ErrorSchema,
        },
      },
      handler: async ({ params: { id } }) => {
        await tracker.removeMember(id);
        return events.cluster();
      },
    });

    app.route({
      method: 'GET',
      url: '/api/v1/cluster',
      schema: {
        operationId: 'getCluster',
        tags: ['cluster'],
        summary: 'What this instance knows of the cluster',
        response: { 200: ClusterSchema },
      },
      handler: async () => events.cluster(),
    });

    app.route({
      method: 'POST',
      url: '/api/v1/cluster/step-down',
      onRequest: mayWrite,
      schema: {
        operationId: 'stepDown',
        tags: ['cluster'],
        summary: 'Let the master hand over to another instance; any instance may be asked',
        security: WRITE_SECURITY,
        response: {
          200: ClusterSchema.meta({ description: 'It has handed over; what this instance knows of the cluster now' }),
          401: ErrorSchema,
          403: ErrorSchema,
          409: ErrorSchema,
          503: ErrorSchema,
        },
      },
      handler: async () => {
        await tracker.stepDown();
        return events.cluster();
      },
    });
  };
}
