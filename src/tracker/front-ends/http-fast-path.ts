import { ENDPOINT_ADDRESS } from '../../net/datagram-slots.ts';
import type { TcpAcceptor } from '../../net/tcp-acceptor.ts';
import { COUNTER, type Counters } from '../counters.ts';
import type { HandedConnection } from '../tracker.ts';
import type { HttpRequests } from './http-front-end.ts';
import { parseRequestHead } from './http-request-head.ts';

/**
 * HTTP announces and scrapes without an HTTP server: nearly all of them come as one packet on a connection of their
 * own, and are answered on the spot. Every other connection is handed to the general server with what was read.
 */
export function serveHttp(
  acceptor: TcpAcceptor,
  requests: HttpRequests,
  counters: Counters,
  handOver: (connection: HandedConnection) => void,
): void {
  const from = ENDPOINT_ADDRESS[acceptor.family];
  const to = from + (acceptor.family === 4 ? 4 : 16);
  acceptor.start((fd, head, endpoint) => {
    const request = parseRequestHead(head);
    if (request === undefined) {
      counters[COUNTER.httpHandedOver]++;
      handOver({ fd, head: head.slice() });
      return;
    }
    const respond = (status: 200 | 503, body: Uint8Array) => {
      acceptor.replyAndClose(fd, reply, writeReply(status, body));
    };
    requests[request.path === '/announce' ? 'announce' : 'scrape'](request.query, endpoint.subarray(from, to), respond);
  });
}

const STATUS_LINES = { 200: 'HTTP/1.1 200 OK', 503: 'HTTP/1.1 503 Service Unavailable' } as const;
const MAX_REPLY_BYTES = 36 << 10;
const reply = Buffer.alloc(MAX_REPLY_BYTES);

/** Writes head and body into `reply`; returns their length. */
function writeReply(status: 200 | 503, body: Uint8Array): number {
  const head = `${STATUS_LINES[status]}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  const headBytes = reply.write(head, 'latin1');
  reply.set(body, headBytes);
  return headBytes + body.length;
}
