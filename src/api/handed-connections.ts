import { closeSync } from 'node:fs';
import type { Server } from 'node:http';
import { Socket } from 'node:net';
import type { HandedConnection } from '../tracker/tracker.ts';

/** Connections at one time; what comes beyond is closed at once. */
export const MAX_CONNECTIONS = 4_096;
/** How long requests under way may go on when the server closes. */
const CLOSE_GRACE_MS = 1_000;

export interface HandedConnections {
  /** Serves the connection; the descriptor is owned here from now on and closed in every case. */
  accept(connection: HandedConnection): void;
  /** Ends idle connections at once and the others after a grace; later ones are closed unserved. Can be called twice. */
  close(): Promise<void>;
  readonly size: number;
}

export interface HandedConnectionsOptions {
  readonly onError: (error: unknown) => void;
  /** By default MAX_CONNECTIONS. */
  readonly maxConnections?: number;
}

/**
 * Lets an HTTP server that does not listen serve connections that something else accepted and began to read.
 *
 * Node's HTTP server takes a socket through its `connection` event, and then reads from the socket's handle directly,
 * around the stream. What was already read goes back into the stream before that (`unshift`): the stream delivers it
 * on the next tick, the handle reads from the next turn of the event loop on, so the order is right.
 */
export function handedConnections(server: Server, options: HandedConnectionsOptions): HandedConnections {
  const maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  const sockets = new Set<Socket>();
  let closed: Promise<void> | undefined;

  // The server starts to watch its header and request timeouts when it hears that it listens. This one never does.
  server.emit('listening');
  // A client may close its half behind the request; Node would by default drop an answer that is still being made.
  Object.assign(server, { httpAllowHalfOpen: true });

  function accept(connection: HandedConnection): void {
    const socket = socketOf(connection);
    if (socket === undefined) return;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setNoDelay(true);
    if ('head' in connection && connection.head.length > 0) socket.unshift(connection.head);
    server.emit('connection', socket);
  }

  function socketOf(connection: HandedConnection): Socket | undefined {
    const refused = closed !== undefined || sockets.size >= maxConnections;
    if ('socket' in connection) {
      if (!refused) return connection.socket;
      connection.socket.destroy();
      return undefined;
    }
    if (!refused) {
      try {
        // As an HTTP server makes its own.
        return new Socket({ fd: connection.fd, readable: true, writable: true, allowHalfOpen: true });
      } catch (error) {
        options.onError(error);
      }
    }
    closeDescriptor(connection.fd);
    return undefined;
  }

  function closeDescriptor(fd: number): void {
    try {
      closeSync(fd);
    } catch (error) {
      options.onError(error);
    }
  }

  async function closeAll(): Promise<void> {
    server.closeIdleConnections();
    const deadline = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, CLOSE_GRACE_MS);
    await Promise.all(Array.from(sockets, (socket) => new Promise((resolve) => socket.once('close', resolve))));
    clearTimeout(deadline);
  }

  return {
    accept,
    close() {
      closed ??= closeAll();
      return closed;
    },
    get size() {
      return sockets.size;
    },
  };
}
