import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { generateMemberKey, type MemberKey } from '../member-key.ts';
import {
  describeMemberTransport,
  hearing,
  incarnation,
  type TestNetwork,
  until,
} from '../member-transport.conformance.ts';
import { type MemberTransport, TransportError } from '../member-transport.ts';
import { openLanTransport } from './lan-transport.ts';

describeMemberTransport('lan with a key', () => createNetwork(generateMemberKey()));
describeMemberTransport('lan without a key, on loopback', () => createNetwork(null));

async function createNetwork(key: MemberKey | null): Promise<TestNetwork> {
  const groupPort = randomInt(20_000, 30_000);
  const open: MemberTransport[] = [];
  return {
    async open(self, cluster, { name = 'conformance', wrongKey } = {}) {
      const theirs = wrongKey ? generateMemberKey() : key;
      const transport = await openLanTransport({
        clusterName: name,
        cluster,
        self,
        host: '127.0.0.1',
        port: 0,
        groupPort,
        key: theirs,
      });
      open.push(transport);
      return transport;
    },
    async close() {
      await Promise.all(open.map((transport) => transport.close()));
    },
  };
}

test('an instance that other machines could reach needs a key', async () => {
  const options = { clusterName: 'c', cluster: null, self: incarnation(), port: 0, key: null };
  await assert.rejects(
    openLanTransport({ ...options, host: '192.0.2.1' }),
    (error) => error instanceof TransportError && error.code === 'NO_KEY' && error.message.includes('--key-file'),
  );
});

test('what cannot be opened is refused with the reason', async () => {
  const options = { clusterName: 'c', cluster: null, self: incarnation(), port: 0, key: generateMemberKey() };
  const refused = (changed: object, code: string) =>
    assert.rejects(openLanTransport({ ...options, host: '127.0.0.1', ...changed }), { code });
  await refused({ host: '0.0.0.0' }, 'EINVAL');
  await refused({ host: 'localhost' }, 'EINVAL');
  await refused({ clusterName: '' }, 'EINVAL');
  await refused({ clusterName: 'x'.repeat(64) }, 'EINVAL');
  await refused({ group: '127.0.0.1' }, 'EINVAL');
  await refused({ host: '192.0.2.77' }, 'EADDRNOTAVAIL');
  const first = await openLanTransport({ ...options, host: '127.0.0.1', groupPort: 29_999 });
  await refused({ port: first.port }, 'EADDRINUSE');
  await first.close();
});

test('an instance on an IPv6 address is found through the group of its interface', async (t) => {
  const key = generateMemberKey();
  const cluster = randomUUID();
  const groupPort = randomInt(20_000, 30_000);
  const open = (host: string) =>
    openLanTransport({ clusterName: 'c', cluster, self: incarnation(), host, port: 0, groupPort, key });
  const [a, b] = [await open('::1'), await open('127.0.0.1')];
  t.after(() => Promise.all([a.close(), b.close()]));
  a.start(hearing().listener);
  b.start(hearing().listener);
  await until(() => b.peers().length === 1, 'the peer');
  assert.equal(b.peers()[0].host, '::1');
  assert.equal(b.send(a.self.member, 1, new Uint8Array(1)), 'sent');
});
