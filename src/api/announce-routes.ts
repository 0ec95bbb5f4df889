import type { FastifyPluginAsync } from 'fastify';
import type { Tracker } from '../tracker/tracker.ts';
import { normaliseAddress } from './client-address.ts';

/**
 * The tracker protocol over HTTP (BEP 3, 48) on the general path: keep-alive, odd requests, platforms without the fast
 * one. The query goes to the tracker as it came: info-hashes in it are bytes, which URL decoding as text would ruin.
 */
export function announceRoutes(tracker: Tracker): FastifyPluginAsync {
  return async (app) => {
    for (const path of ['/announce', '/scrape'] as const) {
      app.route({
        method: 'GET',
        url: path,
        exposeHeadRoute: false,
        schema: { hide: true },
        handler: async (request, reply) => {
          const { status, body } = await tracker.answerHttp({
            path,
            query: rawQuery(request.raw.url ?? ''),
            remoteAddress: normaliseAddress(request.socket.remoteAddress ?? ''),
          });
          return reply.status(status).header('content-type', 'text/plain').send(body);
        },
      });
    }
  };
}

function rawQuery(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? '' : url.slice(mark + 1);
}
