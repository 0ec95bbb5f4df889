import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { test } from 'node:test';
import { ENDPOINT_BYTES, ENDPOINT_USED_WORDS, ENDPOINT_WORDS } from './datagram-slots.ts';
import { endpointHost, endpointPort, writeEndpoint } from './socket-address.ts';
import { BATCH_SLOTS, RECEIVE_STRIDE, SocketError, type UdpSocket, type UdpSocketOptions } from './udp-socket.ts';

/** What every UdpSocket must do, over real sockets on loopback. */
export function udpSocketConformance(
  name: string,
  open: (options: UdpSocketOptions) => UdpSocket | Promise<UdpSocket>,
): void {
  for (const host of ['127.0.0.1', '::1']) {
    test(`${name} on ${host} gives back each datagram's bytes and answers its sender`, async () => {
      const socket = await open({ host, port: 0 });
      echo(socket);
      await using client = await connectClient(host, socket.port);
      for (let bytes = 0; bytes <= 1400; bytes += 100) {
        const message = Buffer.alloc(bytes, bytes & 0xff);
        assert.deepEqual(await client.ask(message), message);
      }
      socket.close();
    });

    test(`${name} on ${host} tells who sent a datagram`, async () => {
      const socket = await open({ host, port: 0 });
      const seen: string[] = [];
      socket.start((count) => {
        for (let slot = 0; slot < count; slot++) {
          const { endpoints } = socket.received;
          const at = slot * ENDPOINT_BYTES;
          seen.push(`${endpointHost(endpoints, at, socket.family)} ${endpointPort(endpoints, at)}`);
          reply(socket, slot, 1);
        }
      });
      await using client = await connectClient(host, socket.port);
      await client.ask(Buffer.from('who am I'));
      assert.deepEqual(seen, [`${host} ${client.port}`]);
      socket.close();
    });

    test(`${name} on ${host} hands a flood over in batches and answers all that the kernel kept`, async () => {
      const socket = await open({ host, port: 0 });
      let largest = 0;
      echo(socket, (count) => {
        largest = Math.max(largest, count);
      });
      await using client = await connectClient(host, socket.port);
      const wanted = 40;
      const arrived = client.collect(wanted);
      for (let i = 0; i < wanted; i++) client.send(Buffer.from([i]));
      const seen = new Set((await arrived).map((message) => message[0]));
      assert.equal(seen.size, wanted);
      assert.ok(largest <= BATCH_SLOTS);
      socket.close();
    });

    test(`${name} on ${host} sends more replies than fit one batch, outside a batch too`, async () => {
      const socket = await open({ host, port: 0 });
      await using client = await connectClient(host, socket.port);
      const wanted = BATCH_SLOTS * 3;
      const arrived = client.collect(wanted);
      for (let i = 0; i < wanted; i++) {
        const slot = socket.reserve();
        const { bytes, endpoints, stride } = socket.outgoing;
        writeEndpoint(endpoints, slot * ENDPOINT_BYTES, socket.family, host, client.port);
        bytes[slot * stride] = i;
        socket.queue(1);
        if (i % 50 === 49) socket.flush();
      }
      socket.flush();
      const seen = new Set((await arrived).map((message) => message[0]));
      assert.equal(seen.size, Math.min(wanted, 256));
      socket.close();
    });

    test(`${name} on ${host} keeps datagrams apart, of any lengths to any endpoints, however they are sent together`, async () => {
      const socket = await open({ host, port: 0 });
      await using one = await connectClient(host, socket.port);
      await using other = await connectClient(host, socket.port);
      const lengths = [8, 8, 20, 8, 1200, 8, 20, 1400, 1400, 1200, 8];
      const plan = Array.from({ length: 150 }, (_, i) => ({
        client: i % 3 === 0 ? one : other,
        bytes: lengths[i % lengths.length],
      }));
      const expected = (client: Client) =>
        plan.flatMap((datagram, i) => (datagram.client === client ? [`${i} of ${datagram.bytes}`] : [])).sort();
      const arrived = [one, other].map((client) => client.collect(expected(client).length));
      for (const [i, { client, bytes }] of plan.entries()) {
        const slot = socket.reserve();
        writeEndpoint(socket.outgoing.endpoints, slot * ENDPOINT_BYTES, socket.family, host, client.port);
        socket.outgoing.bytes.fill(i, slot * socket.outgoing.stride, slot * socket.outgoing.stride + bytes);
        socket.queue(bytes);
      }
      socket.flush();
      for (const [at, client] of [one, other].entries()) {
        const messages = await arrived[at];
        for (const message of messages) assert.ok(message.every((byte) => byte === message[0]));
        assert.deepEqual(messages.map((message) => `${message[0]} of ${message.length}`).sort(), expected(client));
      }
      assert.equal(socket.unsent, 0);
      socket.close();
    });

    test(`${name} on ${host} never sends what was dropped before it was flushed`, async () => {
      const socket = await open({ host, port: 0 });
      await using client = await connectClient(host, socket.port);
      const arrived = client.collect(2);
      for (const mark of [1, 2, 3, 4]) {
        const slot = socket.reserve();
        writeEndpoint(socket.outgoing.endpoints, slot * ENDPOINT_BYTES, socket.family, host, client.port);
        socket.outgoing.bytes[slot * socket.outgoing.stride] = mark;
        socket.queue(1);
        if (mark % 2 === 1) socket.drop();
        else socket.flush();
      }
      assert.deepEqual((await arrived).map((message) => message[0]).sort(), [2, 4]);
      socket.close();
    });

    test(`${name} on ${host} goes on behind replies that cannot be sent`, async () => {
      const socket = await open({ host, port: 0 });
      await using client = await connectClient(host, socket.port);
      const arrived = client.collect(2);
      for (const port of [client.port, 0, 0, client.port]) {
        const slot = socket.reserve();
        writeEndpoint(socket.outgoing.endpoints, slot * ENDPOINT_BYTES, socket.family, host, port);
        socket.queue(1);
      }
      socket.flush();
      assert.equal((await arrived).length, 2);
      await until(() => socket.unsent === 2);
      socket.close();
    });
  }

  test(`${name} marks a datagram longer than a slot by its length`, async () => {
    const socket = await open({ host: '127.0.0.1', port: 0 });
    const lengths: number[] = [];
    socket.start((count) => {
      for (let slot = 0; slot < count; slot++) {
        lengths.push(socket.received.lengths[slot]);
        reply(socket, slot, 1);
      }
    });
    await using client = await connectClient('127.0.0.1', socket.port);
    await client.ask(Buffer.alloc(RECEIVE_STRIDE + 1000));
    await client.ask(Buffer.alloc(65_000));
    await client.ask(Buffer.alloc(RECEIVE_STRIDE - 1));
    assert.deepEqual(lengths, [RECEIVE_STRIDE, RECEIVE_STRIDE, RECEIVE_STRIDE - 1]);
    socket.close();
  });

  test(`${name} names the address that it cannot bind, and why`, async () => {
    const first = await open({ host: '127.0.0.1', port: 0 });
    await assert.rejects(
      async () => open({ host: '127.0.0.1', port: first.port }),
      (error) =>
        error instanceof SocketError &&
        error.code === 'EADDRINUSE' &&
        error.message.includes(`127.0.0.1:${first.port}`),
    );
    await assert.rejects(async () => open({ host: '192.0.2.1', port: 0 }), { code: 'EADDRNOTAVAIL' });
    await assert.rejects(async () => open({ host: 'localhost', port: 0 }), { code: 'EINVAL' });
    first.close();
    first.close();
    const second = await open({ host: '127.0.0.1', port: first.port });
    second.close();
  });

  test(`${name} gets every datagram to its group, and so do others that share the port`, async () => {
    const group = '239.255.77.71';
    const sockets = [await open({ host: '127.0.0.1', port: 0, group })];
    const { port } = sockets[0];
    for (let i = 0; i < 2; i++) sockets.push(await open({ host: '127.0.0.1', port, group }));
    const alone = await open({ host: '127.0.0.1', port });
    const seen: string[] = [];
    for (const socket of [...sockets, alone]) {
      socket.start((count) => {
        for (let slot = 0; slot < count; slot++) {
          const { bytes, stride, endpoints } = socket.received;
          const from = endpointPort(endpoints, slot * ENDPOINT_BYTES);
          seen.push(`${[...sockets, alone].indexOf(socket)} heard ${bytes[slot * stride]} from ${from}`);
        }
      });
    }
    await using client = await connectClient('127.0.0.1', 0);
    client.sendTo(group, port, Uint8Array.of(1));
    client.sendTo('127.0.0.1', port, Uint8Array.of(2));
    await until(() => seen.length >= 4);
    assert.deepEqual(seen.sort(), [
      `0 heard 1 from ${client.port}`,
      `1 heard 1 from ${client.port}`,
      `2 heard 1 from ${client.port}`,
      `3 heard 2 from ${client.port}`,
    ]);
    for (const socket of [...sockets, alone]) socket.close();
  });

  test(`${name} only receives from its group: replies need a socket with a port of its own`, async () => {
    const socket = await open({ host: '127.0.0.1', port: 0, group: '239.255.77.71' });
    await using client = await connectClient('127.0.0.1', 0);
    writeEndpoint(
      socket.outgoing.endpoints,
      socket.reserve() * ENDPOINT_BYTES,
      socket.family,
      '127.0.0.1',
      client.port,
    );
    socket.queue(1);
    socket.flush();
    assert.equal(socket.unsent, 1);
    socket.close();
  });

  test(`${name} says which group it cannot join, and where`, async () => {
    const refused = (host: string, group: string, code: string) =>
      assert.rejects(
        async () => open({ host, port: 0, group }),
        (error) => error instanceof SocketError && error.code === code && error.message.includes(group),
      );
    await refused('127.0.0.1', '127.0.0.1', 'EINVAL');
    await refused('127.0.0.1', 'ff15::7769', 'EINVAL');
    await refused('0.0.0.0', '239.255.77.71', 'EINVAL');
    await refused('192.0.2.77', '239.255.77.71', 'ENODEV');
  });

  test(`${name} can be closed while it handles a batch`, async () => {
    const socket = await open({ host: '127.0.0.1', port: 0 });
    const closed = new Promise<void>((resolve) => {
      socket.start(() => {
        socket.close();
        resolve();
      });
    });
    await using client = await connectClient('127.0.0.1', socket.port);
    client.send(Buffer.from('x'));
    await closed;
  });
}

function echo(socket: UdpSocket, onBatch: (count: number) => void = () => {}): void {
  socket.start((count) => {
    onBatch(count);
    for (let slot = 0; slot < count; slot++) reply(socket, slot, socket.received.lengths[slot]);
  });
}

/** Sends the head of a received datagram back to its sender. */
function reply(socket: UdpSocket, from: number, bytes: number): void {
  const { received, outgoing } = socket;
  const slot = socket.reserve();
  for (let word = 0; word < ENDPOINT_USED_WORDS[socket.family]; word++) {
    outgoing.endpointWords[slot * ENDPOINT_WORDS + word] = received.endpointWords[from * ENDPOINT_WORDS + word];
  }
  const start = from * received.stride;
  outgoing.bytes.set(received.bytes.subarray(start, start + bytes), slot * outgoing.stride);
  socket.queue(bytes);
}

interface Client extends AsyncDisposable {
  readonly port: number;
  send(message: Uint8Array): void;
  sendTo(host: string, port: number, message: Uint8Array): void;
  ask(message: Uint8Array): Promise<Buffer>;
  collect(count: number): Promise<Buffer[]>;
}

async function connectClient(host: string, port: number): Promise<Client> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  socket.setRecvBufferSize(1 << 20);
  const collect = (count: number) =>
    new Promise<Buffer[]>((resolve) => {
      const messages: Buffer[] = [];
      socket.on('message', function listener(message) {
        messages.push(message);
        if (messages.length < count) return;
        socket.off('message', listener);
        resolve(messages);
      });
    });
  const send = (message: Uint8Array) => socket.send(message, port, host);
  return {
    port: socket.address().port,
    send,
    sendTo(otherHost, otherPort, message) {
      if (!isIPv6(otherHost)) socket.setMulticastInterface('127.0.0.1');
      socket.send(message, otherPort, otherHost);
    },
    collect,
    async ask(message) {
      const answer = collect(1);
      send(message);
      return (await answer)[0];
    },
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'the condition did not come true in 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
