import assert from 'node:assert/strict';
import type { z } from 'zod';
import {
  type Admission,
  AdmissionSchema,
  type Cluster,
  ClusterSchema,
  type ContentDetail,
  ContentDetailSchema,
  type Contents,
  ContentsSchema,
} from '../../src/api/schemas.ts';
import { formatInfoHash } from '../../src/bittorrent/info-hash.ts';
import { askApi } from '../../src/cli/api-client.ts';
import type { AdmissionList, AdmissionMode } from '../../src/tracker/tracker.ts';
import { exchange, type HttpReply } from './raw-connection.ts';
import { waitFor } from './wait-for.ts';

/** What an instance says of itself; every question takes a connection of its own. */
export class TrackerApi {
  readonly #host: string;
  readonly #port: number;

  constructor({ host = '127.0.0.1', clientPort }: { readonly host?: string; readonly clientPort: number }) {
    this.#host = host;
    this.#port = clientPort;
  }

  cluster(): Promise<Cluster> {
    return this.#get('/api/v1/cluster', ClusterSchema);
  }

  /** The cluster once the instance that is asked shows, with its state hash, all that was committed. */
  settled(): Promise<Cluster> {
    return waitFor('the state hash of the last entry', async () => {
      const cluster = await this.cluster();
      const self = cluster.members.find(({ id }) => id === cluster.self);
      return self?.appliedIndex === cluster.commitIndex && self.stateHash !== '' ? cluster : undefined;
    });
  }

  /** All contents. */
  async contents(): Promise<Contents['contents']> {
    const contents: Contents['contents'] = [];
    for (let after = ''; ; ) {
      const page = await this.#get(`/api/v1/contents?limit=1000${after}`, ContentsSchema);
      contents.push(...page.contents);
      if (page.next === null) return contents;
      after = `&after=${page.next}`;
    }
  }

  /** One content with all its peers; undefined if there is none. */
  async content(infoHash: Uint8Array): Promise<ContentDetail | undefined> {
    const path = `/api/v1/contents/${formatInfoHash(infoHash)}`;
    const first = await this.#get(path, ContentDetailSchema).catch((error: { code?: string }) => {
      if (error.code === 'NOT_FOUND') return undefined;
      throw error;
    });
    if (first === undefined) return undefined;
    const peers = [...first.peers];
    for (let { next } = first; next !== null; ) {
      const page = await this.#get(`${path}?after=${next}`, ContentDetailSchema);
      peers.push(...page.peers);
      next = page.next;
    }
    return { ...first, peers };
  }

  admission(list: AdmissionList): Promise<Admission> {
    return this.#get(`/api/v1/admission?list=${list}&limit=1000`, AdmissionSchema);
  }

  setAdmissionMode(mode: AdmissionMode): Promise<void> {
    return this.#change('PUT', '/api/v1/admission/mode', { mode });
  }

  addToList(list: AdmissionList, ...infoHashes: Uint8Array[]): Promise<void> {
    return this.#change('POST', `/api/v1/admission/${list}`, { sha1s: infoHashes.map((hash) => formatInfoHash(hash)) });
  }

  removeFromList(list: AdmissionList, ...infoHashes: Uint8Array[]): Promise<void> {
    return this.#change('DELETE', `/api/v1/admission/${list}`, {
      sha1s: infoHashes.map((hash) => formatInfoHash(hash)),
    });
  }

  /** A metric by its name without `swarmkeeper_`, e.g. `udp_malformed_total`. */
  async metric(name: string): Promise<number> {
    const { body } = await this.request('GET', '/metrics');
    const value = new RegExp(`^swarmkeeper_${name} (\\S+)$`, 'm').exec(body.toString())?.[1];
    assert.ok(value !== undefined, `there is no metric ${name}`);
    return Number(value);
  }

  request(method: string, path: string, body?: unknown): Promise<HttpReply> {
    const json = body === undefined ? '' : JSON.stringify(body);
    const headers = json === '' ? '' : `Content-Type: application/json\r\nContent-Length: ${json.length}\r\n`;
    const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`;
    return exchange(this.#port, head + json, { host: this.#host });
  }

  async #change(method: string, path: string, body: unknown): Promise<void> {
    const reply = await this.request(method, path, body);
    assert.equal(reply.status, 204, reply.body.toString());
  }

  #get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    return askApi({ host: this.#host, port: this.#port }, path, schema);
  }
}
