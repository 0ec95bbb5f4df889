import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multicastInterface } from './multicast-interface.ts';
import { MAX_UNSENT_DATAGRAMS, type MulticastSocket, openMulticastSocket } from './multicast-socket.ts';
import { SocketError } from './udp-socket.ts';

const group = '239.255.77.72';
const host = '127.0.0.1';

test('sockets that share a group and a port all get what one of them sends, its sender included', async () => {
  const seen: string[] = [];
  const sockets: MulticastSocket[] = [];
  for (const name of ['a', 'b', 'c']) {
    const port = sockets[0]?.port ?? 0;
    const onDatagram = (datagram: Uint8Array, from: string) => {
      seen.push(`${name}: ${Buffer.from(datagram)} from ${from}`);
    };
    sockets.push(await openMulticastSocket({ group, port, host, onDatagram }));
  }
  sockets[1].send(Buffer.from('hello'));
  await until(() => seen.length === 3);
  assert.deepEqual(
    seen.sort(),
    ['a', 'b', 'c'].map((name) => `${name}: hello from 127.0.0.1`),
  );
  for (const socket of sockets) socket.close();
});

test('a flood beyond its bound is lost and counted, and nothing waits for it', async () => {
  let seen = 0;
  const socket = await openMulticastSocket({ group, port: 0, host, onDatagram: () => seen++ });
  for (let i = 0; i < MAX_UNSENT_DATAGRAMS + 5; i++) socket.send(Buffer.from([i]));
  assert.equal(socket.unsent, 5);
  await until(() => seen === MAX_UNSENT_DATAGRAMS);
  socket.close();
  socket.close();
  socket.send(Buffer.from('too late'));
  assert.equal(socket.unsent, 6);
});

test('an instance on an IPv6 address uses the groups of the same interface', () => {
  assert.equal(multicastInterface('::1', group), '127.0.0.1');
});

test('a group that cannot be joined is refused with the reason', async () => {
  const open = (options: { group?: string; host?: string }) =>
    openMulticastSocket({ group, host, port: 0, onDatagram: () => {}, ...options });
  await assert.rejects(open({ group: '10.0.0.1' }), (error) => error instanceof SocketError && error.code === 'EINVAL');
  await assert.rejects(open({ host: '0.0.0.0' }), { code: 'EINVAL', message: /give the address of one interface/ });
  await assert.rejects(open({ host: '192.0.2.77' }), { code: 'ENODEV' });
  await assert.rejects(open({ host: '2001:db8::77' }), { code: 'ENODEV' });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'the condition did not come true in 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
