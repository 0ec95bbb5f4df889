import type { ServerResponse } from 'node:http';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { type PeerStatus, PeerStatusSchema, TransferSchema } from './peer-schemas.ts';
import type { TransferHistory } from './transfer-history.ts';

/** The peer as a whole: what it was started with, what it received and sent, and the events. */
export function statusRoutes(
  status: () => PeerStatus,
  history: TransferHistory,
  listen: (response: ServerResponse) => void,
): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/peer',
      schema: {
        operationId: 'getPeer',
        summary: 'This peer: its folders, its limits, and the tracker that answers it',
        response: { 200: PeerStatusSchema },
      },
      handler: async () => status(),
    });

    app.route({
      method: 'GET',
      url: '/api/v1/transfer',
      schema: {
        operationId: 'getTransfer',
        summary: 'What was received and sent in each of the last seconds',
        response: { 200: TransferSchema },
      },
      handler: async () => history.view(),
    });

    app.route({
      method: 'GET',
      url: '/api/v1/events',
      exposeHeadRoute: false,
      schema: {
        operationId: 'listen',
        summary: 'Server-sent events: all there is (`snapshot`), then `changes`, at most ten times a second',
      },
      handler: async (_request, reply) => {
        listen(reply.raw);
        reply.hijack();
      },
    });
  };
}
