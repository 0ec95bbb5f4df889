import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Tracker } from '../tracker/tracker.ts';
import {
  AdmissionListChangeSchema,
  AdmissionModeChangeSchema,
  AdmissionQuerySchema,
  AdmissionSchema,
  ErrorSchema,
  ListParamsSchema,
} from './schemas.ts';
import { WRITE_SECURITY } from './write-access.ts';

const CHANGE_REPLIES = {
  204: z.void().meta({ description: 'The change is durable' }),
  400: ErrorSchema,
  401: ErrorSchema,
  403: ErrorSchema,
  503: ErrorSchema,
};

export function admissionRoutes(
  tracker: Tracker,
  mayWrite: (request: FastifyRequest) => Promise<void>,
): FastifyPluginAsyncZod {
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/admission',
      schema: {
        operationId: 'getAdmission',
        tags: ['admission'],
        summary: 'Which contents are admitted: the mode, and one of the lists',
        querystring: AdmissionQuerySchema,
        response: { 200: AdmissionSchema, 400: ErrorSchema },
      },
      handler: async ({ query: { list, after, limit } }) => {
        const page = await tracker.admission(after === undefined ? { list, limit } : { list, after, limit });
        return { ...page, sha1s: [...page.sha1s] };
      },
    });

    app.route({
      method: 'PUT',
      url: '/api/v1/admission/mode',
      // Before the body is read: who may not write need not upload.
      onRequest: mayWrite,
      schema: {
        operationId: 'setAdmissionMode',
        tags: ['admission'],
        summary: 'Admit every content, only those of the allow-list, or all but those of the deny-list',
        security: WRITE_SECURITY,
        body: AdmissionModeChangeSchema,
        response: CHANGE_REPLIES,
      },
      handler: async ({ body: { mode } }, reply) => {
        await tracker.changeAdmission({ mode });
        return reply.status(204).send();
      },
    });

    app.route({
      method: 'POST',
      url: '/api/v1/admission/:list',
      onRequest: mayWrite,
      schema: {
        operationId: 'addToAdmissionList',
        tags: ['admission'],
        summary: 'Put contents on the allow-list or the deny-list',
        security: WRITE_SECURITY,
        params: ListParamsSchema,
        body: AdmissionListChangeSchema,
        response: CHANGE_REPLIES,
      },
      handler: async ({ params: { list }, body: { sha1s } }, reply) => {
        await tracker.changeAdmission({ list, add: sha1s });
        return reply.status(204).send();
      },
    });

    app.route({
      method: 'DELETE',
      url: '/api/v1/admission/:list',
      onRequest: mayWrite,
      schema: {
        operationId: 'removeFromAdmissionList',
        tags: ['admission'],
        summary: 'Take contents off the allow-list or the deny-list',
        security: WRITE_SECURITY,
        params: ListParamsSchema,
        body: AdmissionListChangeSchema,
        response: CHANGE_REPLIES,
      },
      handler: async ({ params: { list }, body: { sha1s } }, reply) => {
        await tracker.changeAdmission({ list, remove: sha1s });
        return reply.status(204).send();
      },
    });
  };
}
