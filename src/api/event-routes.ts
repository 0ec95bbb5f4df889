import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { SnapshotSchema } from './event-schemas.ts';
import type { InstanceEvents } from './instance-events.ts';
import { ErrorSchema } from './schemas.ts';

export function eventRoutes(events: InstanceEvents): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/events',
      exposeHeadRoute: false,
      schema: {
        operationId: 'listen',
        tags: ['cluster'],
        summary: 'Server-sent events: a snapshot first, then what changes; event-schemas.ts has their shapes',
        response: {
          200: {
            description: 'Events; this is the data of the first, `snapshot`',
            content: { 'text/event-stream': { schema: SnapshotSchema } },
          },
          503: ErrorSchema,
        },
      },
      handler: async (_request, reply) => {
        events.listen(reply.raw, reply.getHeaders() as Record<string, string>);
        reply.hijack();
      },
    });
    // Before the server waits for its connections to end.
    app.addHook('preClose', async () => events.close());
  };
}
