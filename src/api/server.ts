import type { FastifyBaseLogger } from 'fastify';
import type { Tracker } from '../tracker/tracker.ts';
import { buildApp } from './app.ts';
import { handedConnections } from './handed-connections.ts';

export interface ApiOptions {
  readonly logger: FastifyBaseLogger;
  /** Lets whoever presents it change state from another machine; without one only loopback may. */
  readonly adminToken?: string | undefined;
  /** Where a peer on this machine has its pages, with a slash at the end. */
  readonly peerPages?: string | undefined;
}

export interface Api {
  /** Ends all connections, after a short grace for answers under way. Can be called twice. */
  close(): Promise<void>;
}

/**
 * Serves the API, the metrics and the general path of the tracker protocol on the client port. The tracker accepts the
 * connections and hands over those that its fast path leaves.
 */
export async function startApi(tracker: Tracker, options: ApiOptions): Promise<Api> {
  const { logger } = options;
  const app = await buildApp(tracker, options);
  const connections = handedConnections(app.server, {
    onError: (error) => logger.error({ err: error }, 'a connection could not be taken over'),
  });
  tracker.onConnection((connection) => connections.accept(connection));
  logger.info({ hosts: tracker.clientHosts, port: tracker.clientPort }, 'API started');

  let closed: Promise<void> | undefined;
  return {
    close() {
      closed ??= (async () => {
        await Promise.all([connections.close(), app.close()]);
        logger.info('API stopped');
      })();
      return closed;
    },
  };
}
