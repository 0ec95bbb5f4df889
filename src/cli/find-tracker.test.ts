import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { testNetwork } from '../../test/harness/test-network.ts';
import { REQUEST_TRANSACTION_ID, writeConnectReply } from '../bittorrent/bep15.ts';
import { openMulticastSocket } from '../net/multicast-socket.ts';
import { findTracker } from './find-tracker.ts';

const interfaces = ['127.0.0.1'];

/** Hears the group, and answers the nth question with what `reply` makes of it. Returns the port that it answers from. */
async function answerIn(
  t: TestContext,
  group: { host: string; port: number },
  reply: (transactionId: number, n: number) => Uint8Array | undefined,
): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  let asked = 0;
  const heard = await openMulticastSocket({
    group: group.host,
    port: group.port,
    host: '127.0.0.1',
    onDatagram(datagram, host, port) {
      const answer = reply(Buffer.from(datagram).readUInt32BE(REQUEST_TRANSACTION_ID), ++asked);
      if (answer) socket.send(answer, port, host);
    },
  });
  t.after(() => {
    heard.close();
    socket.close();
  });
  return socket.address().port;
}

function connectReply(transactionId: number): Uint8Array {
  const bytes = new Uint8Array(16);
  writeConnectReply(new DataView(bytes.buffer), 0, transactionId, 1, 2);
  return bytes;
}

test('who answers in the group is found, at the address that the answer comes from', async (t) => {
  const { group } = testNetwork();
  const port = await answerIn(t, group, connectReply);
  assert.deepEqual(await findTracker({ group, interfaces }), { host: '127.0.0.1', port });
});

test('it is asked again while nobody answers, as in an election, and what is no answer does not count', async (t) => {
  const { group } = testNetwork();
  const replies: ((id: number) => Uint8Array | undefined)[] = [
    () => undefined,
    (id) => connectReply(id ^ 1),
    () => Buffer.from('garbage that is long enough'),
    (id) => connectReply(id).subarray(0, 15),
    connectReply,
  ];
  let asked = 0;
  const port = await answerIn(t, group, (id, n) => {
    asked = n;
    return replies[n - 1]?.(id);
  });
  assert.deepEqual(await findTracker({ group, interfaces, patienceMs: 30_000 }), { host: '127.0.0.1', port });
  assert.equal(asked, replies.length);
});

test('when nobody answers, it is said where was asked and what to do', async () => {
  const { group } = testNetwork();
  await assert.rejects(findTracker({ group, interfaces, patienceMs: 50 }), {
    code: 'NO_TRACKER',
    message: new RegExp(
      `no tracker answers in group ${group.host}:${group.port} on 127.0.0.1: start one with .* or name an`,
    ),
  });
});

test('an interface that cannot be used is named', async () => {
  const { group } = testNetwork();
  for (const host of ['192.0.2.1', '0.0.0.0', '2001:db8::1']) {
    await assert.rejects(findTracker({ group, interfaces: [host] }), {
      code: 'BAD_INTERFACE',
      message: new RegExp(host),
    });
  }
});
