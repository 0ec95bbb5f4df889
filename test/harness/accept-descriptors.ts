import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import koffi from 'koffi';
import type { HandedConnection } from '../../src/tracker/tracker.ts';
import { waitFor } from './wait-for.ts';

const READ_BYTES = 64 * 1024;

export interface DescriptorListener {
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Accepts connections on loopback as the serve thread does: takes what the client has sent so far and hands over the
 * bare descriptor with it. Linux only: it calls libc.
 * @param minimumHead bytes to wait for before a connection is handed over
 */
export async function acceptDescriptors(
  hand: (connection: HandedConnection) => void,
  options: { host?: string; minimumHead?: number } = {},
): Promise<DescriptorListener> {
  const { dup, recv } = libc();
  const { host = '127.0.0.1', minimumHead = 1 } = options;
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, async (socket) => {
    const fd = dup((socket as Socket & { _handle: { fd: number } })._handle.fd);
    // Closes Node's own descriptor; the connection lives on in the copy.
    socket.destroy();
    const buffer = Buffer.alloc(READ_BYTES);
    let length = 0;
    if (minimumHead > 0) {
      await waitFor(`${minimumHead} bytes from the client`, () => {
        length += Math.max(recv(fd, buffer.subarray(length), buffer.length - length, 0), 0);
        return length >= minimumHead;
      });
    }
    hand({ fd, head: buffer.subarray(0, length) });
  });
  server.listen(0, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

function libc(): {
  dup: (fd: number) => number;
  recv: (fd: number, buffer: Uint8Array, length: number, flags: number) => number;
} {
  const library = koffi.load('libc.so.6');
  return {
    dup: library.func('int dup(int fd)'),
    recv: library.func('long recv(int fd, void *buffer, size_t length, int flags)'),
  };
}
