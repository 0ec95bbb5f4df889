import koffi from 'koffi';
import { MSG_DONTWAIT, MSG_NOSIGNAL, recv, send } from './libc.ts';

// What is done to an open TCP socket without Node's streams between, which cost more than the system for bytes that leave or are there
// at once. Only imported on Linux. The socket stays Node's: what cannot be done at once, and what is wrong with it, is Node's to find.

const sendfile: (socket: number, file: number, offset: BigInt64Array, bytes: number) => number = koffi
  .load(null)
  .func('int64_t sendfile64(int socket, int file, void *offset, size_t bytes)');

const MSG_MORE = 0x8000;
const offset = new BigInt64Array(1);

/**
 * Sends what the system takes at once.
 * @param more further bytes follow in the next moment: nothing short leaves before
 * @returns how many bytes; negative: none now
 */
export function sendNow(socket: number, bytes: Uint8Array, more: boolean): number {
  return send(socket, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));
}

/**
 * Sends bytes of an open file from `from` on, as many as the system takes at once. They are not copied: the socket refers to what
 * the system has of the file in memory, and waits for the disk for what it has not.
 * @param socket non-blocking
 * @returns how many bytes
 */
export function sendFileNow(socket: number, file: number, from: number, bytes: number): number {
  let sent = 0;
  while (sent < bytes) {
    offset[0] = BigInt(from + sent);
    const count = sendfile(socket, file, offset, bytes - sent);
    if (count <= 0) break;
    sent += count;
  }
  return sent;
}

/** Receives what is there. @returns how many bytes; 0 or negative: nothing now, or never again */
export function receiveNow(socket: number, into: Uint8Array): number {
  return recv(socket, into, into.length, MSG_DONTWAIT);
}
