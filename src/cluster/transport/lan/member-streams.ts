import { connect as connectPlain, createServer as createPlainServer, type Server, type Socket } from 'node:net';
import {
  type ConnectionOptions,
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { deriveKey, type MemberKey } from '../member-key.ts';
import { type TransportCounters, TransportError } from '../member-transport.ts';
import { HANDSHAKE_MS, MAX_UNPROVEN } from './bounds.ts';

/**
 * Connections among members: TLS under the cluster's key, or plain TCP on loopback where there is none.
 *
 * TLS 1.3 with an external pre-shared key (RFC 8446 §2.2) and no certificates: an end without the key cannot finish the
 * handshake, in either role. TLS 1.3 always adds an ephemeral Diffie-Hellman exchange (psk_dhe_ke; OpenSSL offers and accepts
 * psk_ke only when told to), so a key that is stolen later opens nothing that was recorded before. Older versions, other
 * suites and session tickets are off: there is nothing to fall back to.
 */
export class MemberStreams {
  readonly #key: Buffer | null;
  /** Made once: a dial that asks whether a process lives must not wait for it. */
  readonly #context: SecureContext | undefined;
  readonly #counters: TransportCounters;
  /** Accepted connections until `Unproven.proven`, the oldest first. */
  readonly #unproven = new Map<string, Socket>();
  #server: Server | undefined;

  constructor(key: MemberKey | null, clusterName: string, counters: TransportCounters) {
    this.#key = key === null ? null : deriveKey(key, clusterName, 'connections');
    if (key !== null) this.#context = createSecureContext(TLS);
    this.#counters = counters;
  }

  /**
   * @param onStream an accepted connection whose other end holds the key (if there is one); it counts as unproven until
   *   the callee calls `proven`
   * @returns the port
   */
  async listen(host: string, port: number, onStream: (socket: Socket, proven: () => void) => void): Promise<number> {
    const accept = (socket: Socket) => onStream(socket, () => this.#unproven.delete(endOf(socket)));
    const server = this.#key === null ? createPlainServer(NO_HALF_OPEN) : this.#tlsServer(accept);
    server.on('connection', (socket) => {
      this.#admit(socket);
      if (this.#key === null && !socket.destroyed) accept(socket);
    });
    // Out of descriptors, most likely: connections that exist go on, and the peers dial again.
    const failed = new Promise<never>((_, reject) => server.once('error', reject));
    try {
      await Promise.race([
        failed,
        new Promise<void>((resolve) => server.listen({ host, port, exclusive: true }, () => resolve())),
      ]);
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'UNKNOWN';
      throw new TransportError(code, `cannot listen for members on ${host} port ${port}: ${code}`, { cause });
    }
    failed.catch(() => {});
    server.on('error', () => {});
    this.#server = server;
    return (server.address() as { port: number }).port;
  }

  /** `onReady` is called when both ends have proven the key; a connection that fails emits 'error' and 'close' as sockets do. */
  dial(host: string, port: number, onReady: (socket: Socket) => void): Socket {
    this.#counters.connectionsDialed++;
    const key = this.#key;
    if (key === null) {
      const socket = connectPlain({ host, port, ...NO_HALF_OPEN, noDelay: true });
      socket.once('connect', () => onReady(socket));
      return socket;
    }
    const options: ConnectionOptions & { noDelay: boolean } = {
      host,
      port,
      secureContext: this.#context,
      noDelay: true,
      pskCallback: () => ({ psk: key, identity: IDENTITY }),
      // There is no certificate to check: the key is what both ends prove.
      checkServerIdentity: () => undefined,
    };
    const socket = connectTls(options);
    socket.once('secureConnect', () => {
      if (isForwardSecret(socket)) onReady(socket);
      else socket.destroy(new TransportError('NO_FORWARD_SECRECY', 'TLS without an ephemeral key exchange'));
    });
    return socket;
  }

  /** Stops listening and drops whoever has not proven anything. */
  close(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#unproven.values()) socket.destroy();
    this.#unproven.clear();
  }

  #tlsServer(accept: (socket: Socket) => void): Server {
    const server = createTlsServer({
      ...TLS,
      ...NO_HALF_OPEN,
      handshakeTimeout: HANDSHAKE_MS,
      pskCallback: (_socket, identity) => (identity === IDENTITY ? this.#key : null),
    });
    server.on('secureConnection', accept);
    server.on('tlsClientError', (_error, socket) => {
      this.#counters.handshakesFailed++;
      socket.destroy();
    });
    return server;
  }

  #admit(socket: Socket): void {
    this.#counters.connectionsAccepted++;
    // Until somebody reads from it: an error is followed by 'close', which is what counts.
    socket.on('error', () => {});
    const end = endOf(socket);
    this.#unproven.set(end, socket);
    socket.once('close', () => {
      if (this.#unproven.get(end) === socket) this.#unproven.delete(end);
    });
    if (this.#unproven.size <= MAX_UNPROVEN) return;
    const [oldest, crowdedOut] = this.#unproven.entries().next().value as [string, Socket];
    this.#unproven.delete(oldest);
    this.#counters.handshakesCrowdedOut++;
    crowdedOut.destroy();
  }
}

const NO_HALF_OPEN = { allowHalfOpen: false } as const;
const IDENTITY = 'swarmkeeper member';
/**
 * No certificates, so none to trust. The suites that a pre-shared key without a hash of its own allows are those with
 * SHA-256 (RFC 8446 §4.2.11).
 */
const TLS = {
  ca: [] as string[],
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256',
  ecdhCurve: 'X25519',
} as const;

function isForwardSecret(socket: TLSSocket): boolean {
  const exchange = socket.getEphemeralKeyInfo();
  return socket.getProtocol() === 'TLSv1.3' && exchange !== null && 'type' in exchange && exchange.type === 'ECDH';
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
