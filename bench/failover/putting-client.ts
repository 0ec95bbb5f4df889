import { Agent, request } from 'node:http';
import { Acknowledgements } from './acknowledgements.ts';
import { type Client, Pace } from './client.ts';

/** A put that takes longer has failed, as its caller would see it; a put may have gone to a master that is no more. */
const PUT_DEADLINE_MS = 1_000;

/** Puts a new key into etcd every few milliseconds through one member, over connections that stay open, without waiting for the last. */
export class PuttingClient implements Client {
  readonly acknowledgements = new Acknowledgements();
  readonly pace: Pace;
  readonly view: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #url: string;
  #keys = 0;

  constructor(view: string, memberUrl: string) {
    this.view = view;
    this.#url = `${memberUrl}/v3/kv/put`;
    this.pace = new Pace((nowMs) => this.#put(nowMs));
  }

  close(): void {
    this.pace.stop();
    this.#agent.destroy();
  }

  #put(sentMs: number): void {
    const key = Buffer.from(`bench/${process.pid}/${sentMs}/${this.#keys++}`).toString('base64');
    const put = request(this.#url, { method: 'POST', agent: this.#agent, timeout: PUT_DEADLINE_MS }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) this.acknowledgements.add(sentMs, performance.now());
        else this.acknowledgements.refused++;
      });
      response.on('error', () => {});
    });
    put.on('timeout', () => put.destroy());
    // During an election puts fail; what counts is when they succeed again.
    put.on('error', () => {});
    put.end(JSON.stringify({ key, value: key }));
  }
}
