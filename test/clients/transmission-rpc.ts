/** Transmission's RPC: JSON over HTTP with a session id that the first reply gives. */
export class TransmissionRpc {
  readonly #url: string;
  #session = '';

  constructor(port: number, host = '127.0.0.1') {
    this.#url = `http://${host}:${port}/transmission/rpc`;
  }

  /** Some fields of the only torrent. */
  async torrent(...fields: string[]): Promise<Record<string, unknown>> {
    const { torrents } = await this.call('torrent-get', { fields });
    return (torrents as Record<string, unknown>[])[0];
  }

  async call(method: string, args: Record<string, unknown>): Promise<Record<string, unknown>> {
    let response = await this.#post(method, args);
    if (response.status === 409) {
      this.#session = response.headers.get('x-transmission-session-id') ?? '';
      response = await this.#post(method, args);
    }
    const reply = (await response.json()) as { result: string; arguments: Record<string, unknown> };
    if (reply.result !== 'success') throw new Error(`Transmission's ${method} failed: ${reply.result}`);
    return reply.arguments;
  }

  #post(method: string, args: Record<string, unknown>): Promise<Response> {
    const headers = { 'X-Transmission-Session-Id': this.#session, Connection: 'close' };
    return fetch(this.#url, { method: 'POST', headers, body: JSON.stringify({ method, arguments: args }) });
  }
}
