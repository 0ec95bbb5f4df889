import type { FastifyPluginAsync } from 'fastify';
import type { Registry } from 'prom-client';
import type { Tracker } from '../tracker/tracker.ts';

/** `GET /metrics` for Prometheus. Its library is loaded with the first request: an instance that starts has more urgent work. */
export function metricsRoute(tracker: Tracker): FastifyPluginAsync {
  let registry: Promise<Registry> | undefined;
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/metrics',
      schema: { hide: true },
      handler: async (_request, reply) => {
        registry ??= import('./metrics-registry.ts').then(({ trackerRegistry }) => trackerRegistry(tracker));
        const { contentType } = await registry;
        return reply.type(contentType).send(await (await registry).metrics());
      },
    });
  };
}
