import swagger from '@fastify/swagger';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Tracker } from '../tracker/tracker.ts';
import { admissionRoutes } from './admission-routes.ts';
import { announceRoutes } from './announce-routes.ts';
import { answerUnreadable, sendError } from './api-errors.ts';
import { clusterRoutes } from './cluster-routes.ts';
import { contentsRoutes } from './contents-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { InstanceEvents } from './instance-events.ts';
import { LazyPages } from './lazy-pages.ts';
import { isMemberOrigin, memberOrigins } from './member-origins.ts';
import { metricsRoute } from './metrics.ts';
import { OPENAPI } from './openapi.ts';
import { settingsRoutes } from './settings-routes.ts';
import { writeAccess } from './write-access.ts';

export interface AppOptions {
  /** Starts, stops and faults are logged; requests never. */
  readonly logger: FastifyBaseLogger;
  /** Lets whoever presents it change state from another machine; without one only loopback may. */
  readonly adminToken?: string | undefined;
  /** Where a peer on this machine has its pages, with a slash at the end. */
  readonly peerPages?: string | undefined;
  /** Where the pages were built, for tests. */
  readonly pages?: string | undefined;
  /** Other than TIMEOUTS, for tests. */
  readonly timeouts?: Partial<typeof TIMEOUTS>;
}

/** Bounds on what a client can make the server hold. */
export const LIMITS = {
  /** Room for 1,000 sha1s as JSON. */
  bodyBytes: 64 * 1024,
  /** Request line and headers together. */
  headerBytes: 16 * 1024,
  headerCount: 100,
  requestsPerConnection: 1_000,
} as const;

export const TIMEOUTS = {
  /** For the headers of a request to arrive. */
  headersMs: 10_000,
  /** For a whole request to arrive. */
  requestMs: 20_000,
  /** Between two requests of one connection. */
  keepAliveMs: 15_000,
  /** Without a byte in either direction while an answer is under way, e.g. to a client that stopped reading. */
  silenceMs: 60_000,
  /** How often the limits are looked at. */
  checkMs: 2_000,
};

/** All routes of an instance; nothing listens yet. */
export async function buildApp(tracker: Tracker, options: AppOptions): Promise<FastifyInstance> {
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const app = fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.bodyBytes,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connectionTimeout: timeouts.silenceMs,
    maxRequestsPerSocket: LIMITS.requestsPerConnection,
    http: {
      maxHeaderSize: LIMITS.headerBytes,
      headersTimeout: timeouts.headersMs,
      connectionsCheckingInterval: timeouts.checkMs,
    },
    clientErrorHandler: answerUnreadable,
    // A URL that cannot be decoded, a method or path the router refuses.
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply),
  });
  app.server.maxHeadersCount = LIMITS.headerCount;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(sendError);
  const events = new InstanceEvents(tracker);
  const connectOrigins = () => memberOrigins(events.cluster().members);
  const pages = new LazyPages(
    { entry: 'index.html', connectOrigins, ...(options.pages !== undefined && { root: options.pages }) },
    options.logger,
  );
  app.setNotFoundHandler((request, reply) => pages.answer(request, reply));
  app.addHook('onClose', () => pages.close());
  // Only JSON: any other type, which pages of other sites could send without asking, is refused with 415.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async ({ method, url, headers: { origin } }, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    // A page of another member may read; there is no answer to OPTIONS, so no page of another origin ever writes.
    if (origin === undefined || method !== 'GET' || !url.startsWith('/api/v1/')) return;
    if (isMemberOrigin(origin, events.cluster().members)) {
      reply.headers({ 'access-control-allow-origin': origin, vary: 'origin' });
    }
  });

  await app.register(swagger, OPENAPI);
  const mayWrite = writeAccess({ adminToken: options.adminToken, ownHosts: tracker.clientHosts });
  await app.register(announceRoutes(tracker));
  await app.register(clusterRoutes(tracker, events, mayWrite));
  await app.register(eventRoutes(events));
  await app.register(contentsRoutes(tracker));
  await app.register(admissionRoutes(tracker, mayWrite));
  await app.register(
    settingsRoutes(tracker, { mayWrite, tokenSet: options.adminToken !== undefined, peerPages: options.peerPages }),
  );
  await app.register(metricsRoute(tracker));
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.ready();
  return app;
}
