import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { temporaryFolder } from '../../src/cluster/storage/storage-faults.ts';
import { formatMemberKey, generateMemberKey } from '../../src/cluster/transport/member-key.ts';
import { type MulticastSocket, openMulticastSocket } from '../../src/net/multicast-socket.ts';
import { startSwarmkeeper } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type Stage, underLoad } from './stage.ts';

const HOST = '127.0.0.1';
const REFUSED = 'member_messages_refused_total';
/** Several keepalives of everybody. */
const A_WHILE_MS = 1_000;
const GARBAGE = 200;

describe('without the key', () => {
  test('an instance without the key, or with another one, joins nothing, learns nothing and disturbs nobody', async (t) => {
    const [key, other] = [keyFile(), keyFile()];
    await underLoad(t, { args: ['--key-file', key] }, async (stage) => {
      for (const args of [[], ['--key-file', other]]) {
        const before = await refused(stage);
        await using stranger = await startSwarmkeeper({
          network: stage.network,
          args: ['--expect', '3', '--name', 'stranger', ...args],
        });
        const api = new TrackerApi(stranger);
        await refusedMore(stage, before, 1);
        await sleep(A_WHILE_MS);
        const { master: follows, members } = await api.cluster();
        assert.deepEqual([follows, members.length], [null, 1]);
        assert.deepEqual(await api.contents(), []);
        assert.ok((await api.metric(REFUSED)) > 0, 'it hears the members, and understands nothing');
      }
      await unmoved(stage);
    });
  });

  test('garbage, replayed datagrams and connections without the key are refused and counted, and change nothing', async (t) => {
    await underLoad(t, { args: ['--key-file', keyFile()] }, async (stage) => {
      const recorded: Uint8Array[] = [];
      const wire = await hear(t, stage, recorded);
      await waitFor('datagrams to record', () => recorded.length > 30);
      const past = recorded.slice(0, 30);

      const before = await refused(stage);
      for (const datagram of [...past, ...past.toReversed(), ...past]) await inject(wire, datagram);
      // Each by everybody but the one whose it was, which pays no heed to its own.
      await refusedMore(stage, before, past.length * 3 * 2);

      const again = await refused(stage);
      for (let i = 0; i < GARBAGE; i++) await inject(wire, randomBytes(randomInt(1, 1_300)));
      for (const datagram of past) {
        const changed = Uint8Array.from(datagram);
        changed[randomInt(changed.length)] ^= 1;
        await inject(wire, changed);
      }
      await refusedMore(stage, again, GARBAGE * 3 + past.length * 2);

      const last = await refused(stage);
      for (const { instance } of stage.alive) {
        await talkTo(instance.listening.memberPort, randomBytes(5_000));
        await talkTo(instance.listening.memberPort, Buffer.from('GET / HTTP/1.1\r\n\r\n'));
        await shakeHands(instance.listening.memberPort);
      }
      await refusedMore(stage, last, 3 * 3);
      await unmoved(stage);
    });
  });
});

function keyFile(): string {
  const path = join(temporaryFolder(), 'key');
  writeFileSync(path, formatMemberKey(generateMemberKey()), { mode: 0o600 });
  return path;
}

async function hear(t: TestContext, { network }: Stage, heard: Uint8Array[]): Promise<MulticastSocket> {
  const { host: group, port } = network.memberGroup;
  const socket = await openMulticastSocket({ group, port, host: HOST, onDatagram: (datagram) => heard.push(datagram) });
  t.after(() => socket.close());
  return socket;
}

/** So slowly that the members' sockets lose none. */
async function inject(wire: MulticastSocket, datagram: Uint8Array): Promise<void> {
  wire.send(datagram);
  await sleep(1);
}

/** What the members have refused so far, all together. */
async function refused({ alive }: Stage): Promise<number> {
  const counts = await Promise.all(alive.map(({ api }) => api.metric(REFUSED)));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function refusedMore(stage: Stage, before: number, least: number): Promise<void> {
  await waitFor(`the members to refuse ${least}`, async () => (await refused(stage)) - before >= least);
}

/** The cluster is what it was. */
async function unmoved(stage: Stage): Promise<void> {
  for (const { api } of stage.alive) assert.equal((await api.cluster()).members.length, 3);
}

/** Says something at a member's port, and waits until it hangs up. */
async function talkTo(port: number, bytes: Uint8Array): Promise<void> {
  const socket = connect(port, HOST).on('error', () => {});
  socket.write(bytes);
  socket.resume();
  await closed(socket);
}

/** TLS with another key. */
async function shakeHands(port: number): Promise<void> {
  const pskCallback = () => ({ psk: randomBytes(32), identity: 'swarmkeeper member' });
  const socket = connectTls({ port, host: HOST, checkServerIdentity: () => undefined, pskCallback });
  let letIn = false;
  socket.on('secureConnect', () => {
    letIn = true;
  });
  socket.on('error', () => {});
  await closed(socket);
  assert.equal(letIn, false);
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
