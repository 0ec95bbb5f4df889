import type { AddressInfo } from 'node:net';
import swagger from '@fastify/swagger';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Peer } from '../../peer/peer.ts';
import { answerUnreadable, sendError, sendNotFound } from '../api-errors.ts';
import { LIMITS, TIMEOUTS } from '../app.ts';
import { OPENAPI } from '../openapi.ts';
import { writeAccess } from '../write-access.ts';
import { PeerEvents } from './peer-events.ts';
import { peerRoutes } from './peer-routes.ts';
import { Shares } from './shares.ts';

export interface PeerApiOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Where contents go for which no folder is named. */
  readonly defaultFolder: string;
  readonly logger: FastifyBaseLogger;
}

export interface PeerApi {
  readonly host: string;
  readonly port: number;
  /** Ends all connections, and calls off what is being hashed. */
  close(): Promise<void>;
}

/** Its user is on this machine; it has no users elsewhere. */
const HOST = '127.0.0.1';

/**
 * Serves the API of a peer on loopback, to programs of this machine and to pages of this very address.
 * @throws EADDRINUSE
 */
export async function startPeerApi(peer: Peer, options: PeerApiOptions): Promise<PeerApi> {
  const shares = new Shares(peer);
  const events = new PeerEvents(peer, shares);
  const app = await buildPeerApp(peer, shares, events, options);
  await app.listen({ host: HOST, port: options.port });
  const { port } = app.server.address() as AddressInfo;
  return {
    host: HOST,
    port,
    async close() {
      events.close();
      await Promise.all([shares.close(), app.close()]);
    },
  };
}

async function buildPeerApp(
  peer: Peer,
  shares: Shares,
  events: PeerEvents,
  { logger, defaultFolder }: PeerApiOptions,
): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.bodyBytes,
    requestTimeout: TIMEOUTS.requestMs,
    keepAliveTimeout: TIMEOUTS.keepAliveMs,
    connectionTimeout: TIMEOUTS.silenceMs,
    forceCloseConnections: true,
    http: { maxHeaderSize: LIMITS.headerBytes, headersTimeout: TIMEOUTS.headersMs },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(sendError);
  app.setNotFoundHandler(sendNotFound);
  app.removeContentTypeParser('text/plain');
  // Reading too: what somebody downloads is nobody else's business, and no other site's.
  app.addHook('onRequest', writeAccess({ ownHosts: [HOST] }));
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });
  const { openapi } = OPENAPI;
  const description = 'What one peer shares and gets, on its own machine.';
  await app.register(swagger, {
    ...OPENAPI,
    openapi: { ...openapi, info: { title: 'Swarmkeeper peer', version: '1', description }, components: {} },
  });
  await app.register(peerRoutes(peer, shares, defaultFolder));
  app.get(
    '/api/v1/events',
    { schema: { operationId: 'listen', summary: 'Server-sent events: a full snapshot, then changes' } },
    async (_request, reply) => {
      events.listen(reply.raw);
      reply.hijack();
    },
  );
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send(WELCOME),
  );
  await app.ready();
  return app;
}

const WELCOME = `Swarmkeeper: a peer, which shares and gets contents.

/api/v1/contents         what it shares and gets
/api/v1/events           the same as it changes
/api/v1/openapi.json     the API, described for programs
`;
