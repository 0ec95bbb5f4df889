import { randomFillSync } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { listenTo, type ServerSentEvent } from '../../../test/harness/server-sent-events.ts';
import { Peer, type PeerOptions } from '../../peer/peer.ts';
import { type PeerApi, type PeerApiOptions, startPeerApi } from './peer-server.ts';

/** A peer without a tracker, and its API; its folders and itself go with the test. */
export class TestPeerApi {
  readonly peer: Peer;
  readonly api: PeerApi;
  /** Of everything: `downloads`, `uploads` and what a test writes. */
  readonly folder: string;

  static async start(
    t: TestContext,
    options: Partial<PeerApiOptions> & Pick<PeerOptions, 'uploadRate' | 'downloadRate'> = {},
  ): Promise<TestPeerApi> {
    const folder = await mkdtemp(join(tmpdir(), 'swarmkeeper-peer-api-'));
    // Hooks run in the order they were added, and none after one that fails.
    let peer: Peer | undefined;
    let api: PeerApi | undefined;
    t.after(async () => {
      await api?.close();
      await peer?.close();
      await rm(folder, { recursive: true, force: true });
    });
    const { uploadRate, downloadRate, ...rest } = options;
    peer = await Peer.open({
      dataFolder: join(folder, 'data'),
      host: '127.0.0.1',
      // Nobody answers there.
      cluster: {
        group: { host: '239.1.2.3', port: 9 },
        interfaces: ['127.0.0.1'],
        instances: [{ host: '127.0.0.1', port: 9 }],
      },
      ...(uploadRate === undefined ? {} : { uploadRate }),
      ...(downloadRate === undefined ? {} : { downloadRate }),
    });
    const folders = { defaultFolder: join(folder, 'downloads'), uploadFolder: join(folder, 'uploads') };
    await mkdir(folders.defaultFolder);
    api = await startPeerApi(peer, { port: 0, logger: pino({ level: 'silent' }), ...folders, ...rest });
    return new TestPeerApi(peer, api, folder);
  }

  private constructor(peer: Peer, api: PeerApi, folder: string) {
    this.peer = peer;
    this.api = api;
    this.folder = folder;
  }

  get url(): string {
    return `http://127.0.0.1:${this.api.port}/api/v1`;
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Writes random bytes, and gives the path. */
  async write(name: string, bytes: number): Promise<string> {
    const path = this.path(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, randomFillSync(new Uint8Array(bytes)));
    return path;
  }

  /** The status and JSON of an answer; a plain object as the body is sent as JSON. */
  async ask(
    method: string,
    path: string,
    body?: object | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
    // biome-ignore lint/suspicious/noExplicitAny: each test says what it expects
  ): Promise<{ status: number; body: any }> {
    const isBytes = body instanceof Uint8Array;
    const type =
      body === undefined ? {} : { 'content-type': isBytes ? 'application/octet-stream' : 'application/json' };
    const sent = body === undefined ? {} : { body: isBytes ? body : JSON.stringify(body) };
    const reply = await fetch(this.url + path, { method, headers: { ...type, ...headers }, ...sent });
    const text = await reply.text();
    return { status: reply.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** Events of a stream, as they come. */
  listen(t: TestContext, path: string): Promise<ServerSentEvent[]> {
    return listenTo(t, this.url + path);
  }
}
