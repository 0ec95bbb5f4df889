import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { waitFor } from './wait-for.ts';

export interface HttpReply {
  readonly status: number;
  /** Names in small letters. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface RawConnectionOptions {
  readonly host?: string;
  readonly localAddress?: string;
}

/** A TCP connection that sends just the bytes that a test gives it. `await using` destroys it. */
export class RawConnection {
  /** Set once the other side has ended or reset the connection. */
  ended = false;
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];

  static async open(port: number, options: RawConnectionOptions = {}): Promise<RawConnection> {
    const { host = '127.0.0.1', localAddress } = options;
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true, ...(localAddress && { localAddress }) });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.ended = true;
    });
    // A reset is an end like any other; the wait for a reply says what is missing.
    socket.on('error', () => {});
  }

  /** Everything that came so far. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Text is sent one character a byte. */
  send(bytes: string | Uint8Array): void {
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Closes this half; what the other side sends still arrives. */
  end(): void {
    this.#socket.end();
  }

  /** Aborts the connection, as a process that dies with unread data does. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /**
   * Waits for `count` replies, each with a body of known length.
   * @throws when the connection ends before
   */
  async replies(count: number, options: { readonly bodies?: boolean } = {}): Promise<HttpReply[]> {
    const replies = await waitFor(`${count} HTTP replies`, () => {
      // Asked first: what came before the end counts.
      const { ended } = this;
      const replies = parseReplies(this.received, options.bodies ?? true);
      return replies.length >= count || ended ? replies : undefined;
    });
    if (replies.length >= count) return replies;
    throw new Error(`the connection ended behind ${this.received.length} bytes and ${replies.length} replies`);
  }

  async reply(): Promise<HttpReply> {
    return (await this.replies(1))[0];
  }

  /** Waits until the other side closes. */
  async untilEnded(): Promise<void> {
    await waitFor('the end of the connection', () => this.ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.closed) return;
    this.#socket.destroy();
    await once(this.#socket, 'close');
  }
}

/** One connection, one request, one reply. */
export async function exchange(
  port: number,
  request: string | Uint8Array,
  options?: RawConnectionOptions,
): Promise<HttpReply> {
  await using connection = await RawConnection.open(port, options);
  connection.send(request);
  return await connection.reply();
}

function parseReplies(bytes: Buffer, bodies: boolean): HttpReply[] {
  const replies: HttpReply[] = [];
  for (let at = 0; at < bytes.length; ) {
    const headEnd = bytes.indexOf('\r\n\r\n', at);
    if (headEnd < 0) break;
    const [statusLine, ...lines] = bytes.toString('latin1', at, headEnd).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw new Error(`no status line of HTTP: ${statusLine}`);
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const length = headers.get('content-length');
    if (length === undefined && status !== 204) throw new Error(`a reply of unknown length:\n${statusLine}`);
    const bodyEnd = headEnd + 4 + (bodies ? Number(length ?? 0) : 0);
    if (bodyEnd > bytes.length) break;
    replies.push({ status, headers, body: bytes.subarray(headEnd + 4, bodyEnd) });
    at = bodyEnd;
  }
  return replies;
}
