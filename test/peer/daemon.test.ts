import assert from 'node:assert/strict';
import { appendFile, stat } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { PeerChanges, PeerContentView, ShareView } from '../../src/api/peer/peer-schemas.ts';
import { listenTo } from '../harness/server-sent-events.ts';
import { startCluster, type TestCluster } from '../harness/start-cluster.ts';
import type { SwarmkeeperProcess } from '../harness/start-swarmkeeper.ts';
import { waitFor } from '../harness/wait-for.ts';
import { Stage } from './stage.ts';

const MIB = 1024 * 1024;

let cluster: TestCluster;
before(async () => {
  cluster = await startCluster({ instances: 1 });
});
after(() => cluster[Symbol.asyncDispose]());

/** A daemon, and what its API says. */
class Daemon {
  readonly process: SwarmkeeperProcess;
  readonly url: string;

  static async start(stage: Stage, name: string): Promise<Daemon> {
    const folders = ['--data', stage.path(name), '--downloads', stage.path(`${name}-downloads`)];
    const process = stage.run('peer', ...folders, '--api-port', '0');
    const { apiPort } = await process.until('it listens', () =>
      process.jsonLines.find(({ event }) => event === 'listening'),
    );
    return new Daemon(process, `http://127.0.0.1:${apiPort}/api/v1`);
  }

  private constructor(process: SwarmkeeperProcess, url: string) {
    this.process = process;
    this.url = url;
  }

  async ask<Answer>(path: string, status = 200): Promise<Answer> {
    return await this.#send('GET', path, undefined, status);
  }

  async tell<Answer>(method: string, path: string, body: unknown, status: number): Promise<Answer> {
    return await this.#send(method, path, body, status);
  }

  /** Shares a path; its sha1, when it is hashed. */
  async share(path: string): Promise<string> {
    const { id } = await this.tell<ShareView>('POST', '/shares', { path }, 202);
    const share = await waitFor(`${path} to be hashed`, async () => {
      const { shares } = await this.ask<{ shares: ShareView[] }>('/shares');
      return shares.find((each) => each.id === id && each.state !== 'hashing');
    });
    assert.equal(share.state, 'done', JSON.stringify(share.error));
    return share.sha1!;
  }

  async reaches(sha1: string, state: PeerContentView['state']): Promise<PeerContentView> {
    return await waitFor(`the state ${state}`, async () => {
      const content = await this.ask<PeerContentView>(`/contents/${sha1}`);
      assert.equal(content.state, state, JSON.stringify(content));
      return content;
    });
  }

  async stop(): Promise<void> {
    this.process.kill('SIGTERM');
    const { code, stderr } = await this.process.ended();
    assert.equal(code, 0, stderr);
  }

  async #send<Answer>(method: string, path: string, body: unknown, status: number): Promise<Answer> {
    const json =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const reply = await fetch(this.url + path, { method, ...json });
    const text = await reply.text();
    assert.equal(reply.status, status, text);
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }
}

test('Daemons share and get, tell how it goes, and go on with it after a restart', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('films/one.mkv', 3 * MIB);
  await stage.write('other', 1 * MIB);
  const seeder = await Daemon.start(stage, 'seeder');
  const sha1 = await seeder.share(stage.path('films'));
  const other = await seeder.share(stage.path('other'));
  await seeder.reaches(sha1, 'seeding');

  let leecher = await Daemon.start(stage, 'leecher');
  const heard = await listenTo(t, `${leecher.url}/events`);
  await waitFor('the snapshot', () => heard.some(({ event }) => event === 'snapshot'));
  const added = await leecher.tell<PeerContentView>('POST', '/contents', { content: 'films' }, 201);
  assert.equal(added.sha1, sha1);
  await leecher.tell('POST', '/contents', { content: other, paused: true }, 201);
  const done = await leecher.reaches(sha1, 'seeding');
  assert.deepEqual([done.bytesDone, done.size, done.downloaded], [3 * MIB, 3 * MIB, 3 * MIB]);
  await stage.assertSame('films', 'leecher-downloads/films');
  await waitFor('the event', () =>
    heard.some(({ data }) => (data as PeerChanges).contents?.some(({ state }) => state === 'seeding')),
  );
  const { have, pieceCount } = await leecher.ask<{ have: string; pieceCount: number }>(`/contents/${sha1}/pieces`);
  assert.equal(
    Buffer.from(have, 'base64').reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0),
    pieceCount,
  );
  await leecher.ask(`/contents/${sha1}/peers`);

  await leecher.stop();
  leecher = await Daemon.start(stage, 'leecher');
  const { contents } = await leecher.ask<{ contents: PeerContentView[] }>('/contents');
  assert.deepEqual(new Set(contents.map((each) => each.sha1)), new Set([sha1, other]));
  assert.equal((await leecher.reaches(sha1, 'seeding')).downloaded, 0);
  await leecher.reaches(other, 'paused');
  await leecher.tell('POST', `/contents/${other}/resume`, undefined, 204);
  await leecher.reaches(other, 'seeding');
  await stage.assertSame('other', 'leecher-downloads/other');
});

test('A pause lasts until it is resumed, a re-check finds what was changed, and what is removed leaves its files', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('checked', 2 * MIB);
  const daemon = await Daemon.start(stage, 'daemon');
  const sha1 = await daemon.share(stage.path('checked'));
  await daemon.reaches(sha1, 'seeding');
  await daemon.tell('POST', `/contents/${sha1}/pause`, undefined, 204);
  await daemon.reaches(sha1, 'paused');
  await daemon.tell('POST', `/contents/${sha1}/resume`, undefined, 204);
  await daemon.reaches(sha1, 'seeding');
  await stage.write('checked', 2 * MIB);
  await daemon.tell('POST', `/contents/${sha1}/recheck`, undefined, 202);
  assert.equal((await daemon.reaches(sha1, 'downloading')).bytesDone, 0);
  await daemon.tell('DELETE', `/contents/${sha1}`, undefined, 204);
  await daemon.ask(`/contents/${sha1}`, 404);
  assert.equal((await stat(stage.path('checked'))).size, 2 * MIB);
  await daemon.stop();
});

test('Requests that are wrong, or come from other sites, are refused with a reason', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('no.torrent', 10);
  const daemon = await Daemon.start(stage, 'daemon');
  const codeOf = async (method: string, path: string, body: unknown, status: number) =>
    (await daemon.tell<{ error: { code: string } }>(method, path, body, status)).error.code;
  assert.equal(await codeOf('POST', '/contents', { content: 'nothing of that name' }, 404), 'NO_SUCH_CONTENT');
  assert.equal(await codeOf('POST', '/contents', { content: stage.path('no.torrent') }, 422), 'NOT_A_TORRENT');
  assert.equal(await codeOf('POST', '/contents', { content: 'x', folder: 'relative' }, 400), 'BAD_REQUEST');
  assert.equal(await codeOf('POST', '/contents', {}, 400), 'BAD_REQUEST');
  assert.equal(await codeOf('POST', `/contents/${'a'.repeat(40)}/pause`, undefined, 404), 'NOT_FOUND');
  const elsewhere = await fetch(`${daemon.url}/contents`, { headers: { origin: 'http://films.example' } });
  assert.equal(elsewhere.status, 403);
  const { paths } = await daemon.ask<{ paths: Record<string, unknown> }>('/openapi.json');
  assert.ok(paths['/api/v1/contents/{sha1}/recheck'] && paths['/api/v1/shares'] && paths['/api/v1/events']);
});

test('Two daemons do not use one folder; one that cannot remember says so', async (t) => {
  const stage = await Stage.open(t, cluster.network);
  const daemon = await Daemon.start(stage, 'daemon');
  const second = stage.run('peer', '--data', stage.path('daemon'), '--api-port', '0');
  const { code, stderr } = await second.ended();
  assert.equal(code, 1);
  assert.match(stderr, /another peer uses .*choose another folder with --data/);
  const { port } = new URL(daemon.url);
  const third = stage.run('peer', '--data', stage.path('third'), '--api-port', port);
  assert.match((await third.ended()).stderr, /choose one with --api-port/);
  await daemon.stop();
  await appendFile(stage.path('daemon/peer/contents.json'), 'x');
  const damaged = stage.run('peer', '--data', stage.path('daemon'), '--api-port', '0');
  assert.match((await damaged.ended()).stderr, /contents\.json is damaged/);
});
