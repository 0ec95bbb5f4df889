import type { AddressInfo } from 'node:net';
import swagger from '@fastify/swagger';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { type FastifyPluginAsyncZod, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Peer } from '../../peer/peer.ts';
import { answerUnreadable, sendError, sendNotFound } from '../api-errors.ts';
import { LIMITS, TIMEOUTS } from '../app.ts';
import { OPENAPI } from '../openapi.ts';
import { pages } from '../pages.ts';
import { writeAccess } from '../write-access.ts';
import { clusterContentsRoutes } from './cluster-contents-routes.ts';
import { contentRoutes } from './content-routes.ts';
import { EventStreams } from './event-stream.ts';
import { PeerEvents } from './peer-events.ts';
import { peerRoutes } from './peer-routes.ts';
import type { PeerStatus } from './peer-schemas.ts';
import { ratesView } from './peer-views.ts';
import { ShareFolder } from './share-folder.ts';
import { shareRoutes } from './share-routes.ts';
import { Shares } from './shares.ts';
import { statusRoutes } from './status-routes.ts';
import { TrackerWatch } from './tracker-watch.ts';
import { TransferHistory } from './transfer-history.ts';
import { UploadFolder } from './upload-folder.ts';

export interface PeerApiOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Where contents go for which no folder is named. */
  readonly defaultFolder: string;
  /** Where uploads go; made when it is not there. */
  readonly uploadFolder: string;
  /** What the pages may share from; nothing by default. */
  readonly shareFolder?: string | undefined;
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
 * Serves the pages and the API of a peer on loopback, to programs of this machine and to pages of this very address.
 * @throws EADDRINUSE
 */
export async function startPeerApi(peer: Peer, options: PeerApiOptions): Promise<PeerApi> {
  const { defaultFolder, uploadFolder, shareFolder } = options;
  const folder = shareFolder === undefined ? undefined : new ShareFolder(shareFolder);
  const uploads = new UploadFolder(uploadFolder);
  const shares = new Shares(peer, uploads);
  const history = new TransferHistory(peer);
  const watch = new TrackerWatch(peer.requester);
  const streams = new EventStreams();
  const status = (): PeerStatus => ({
    port: peer.port,
    tracker: watch.tracker,
    downloads: defaultFolder,
    shareFolder: folder?.path ?? null,
    uploads: uploads.path,
    rates: ratesView(peer),
  });
  const events = new PeerEvents({ peer, shares, history, status });
  const stop = () => {
    watch.close();
    history.close();
    events.close();
    streams.close();
  };
  try {
    const app = await buildPeerApp(options.logger, [
      peerRoutes(peer, defaultFolder),
      contentRoutes(peer, streams),
      clusterContentsRoutes(peer),
      shareRoutes(shares, folder),
      statusRoutes(status, history, (response) => events.listen(streams.open(response))),
    ]);
    await app.listen({ host: HOST, port: options.port });
    const { port } = app.server.address() as AddressInfo;
    return {
      host: HOST,
      port,
      async close() {
        stop();
        await Promise.all([shares.close(), app.close()]);
      },
    };
  } catch (error) {
    stop();
    throw error;
  }
}

async function buildPeerApp(
  logger: FastifyBaseLogger,
  routes: readonly FastifyPluginAsyncZod[],
): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.bodyBytes,
    // An upload takes as long as it takes; a connection on which nothing moves is closed.
    requestTimeout: 0,
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
  for (const each of routes) await app.register(each);
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.register(pages({ entry: 'peer.html' }));
  await app.ready();
  return app;
}
