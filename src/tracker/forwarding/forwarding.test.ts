import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { MemoryLog } from '../../../test/harness/memory-log.ts';
import { type Datagram, MemorySocket } from '../../../test/harness/memory-socket.ts';
import { waitFor } from '../../../test/harness/wait-for.ts';
import { ENDPOINT_WORDS, type IpFamily } from '../../net/datagram-slots.ts';
import { BATCH_SLOTS, RECEIVE_STRIDE, type UdpSocket } from '../../net/udp-socket.ts';
import { COUNTER, newCounters } from '../counters.ts';
import {
  type ForwardedRequest,
  KIND_DATAGRAMS,
  KIND_OUTCOME,
  KIND_REPLIES,
  KIND_REQUEST,
  type Outcome,
} from './forward-messages.ts';
import { Forwarding } from './forwarding.ts';
import { ToMaster } from './to-master.ts';

const PORTS = 0xffff;

/** An instance that has two sockets of each family. */
class Instance {
  readonly log: MemoryLog;
  readonly counters = newCounters();
  readonly sockets: readonly MemorySocket[] = ([4, 6, 4, 6] as const).map((family) => new MemorySocket(family));
  readonly toMaster: ToMaster;
  readonly forwarding: Forwarding;
  readonly asked: ForwardedRequest[] = [];
  answer: (request: ForwardedRequest) => Promise<Outcome> = async () => ({ status: 200, body: Uint8Array.of(1, 2, 3) });

  constructor(log: MemoryLog) {
    this.log = log;
    this.toMaster = new ToMaster(log, this.counters);
    for (const socket of this.sockets) {
      this.toMaster.serve(socket);
      socket.start((count) => this.toMaster.forward(socket, count));
    }
    this.forwarding = new Forwarding(log, this.toMaster, (request) => {
      this.asked.push(request);
      return this.answer(request);
    });
  }
}

function threeInstances(): readonly [Instance, Instance, Instance] {
  const [one, two, three] = MemoryLog.cluster('one', 'two', 'three');
  return [new Instance(one), new Instance(two), new Instance(three)];
}

function elect(master: Instance, instances: readonly Instance[]): void {
  for (const { log } of instances) log.setMaster(master.log.self);
}

/** Answers every datagram with its own bytes backwards, at once. */
function answerAtOnce({ forwarding }: Instance): void {
  for (const socket of forwarding.sockets) {
    socket.start((count) => {
      for (let slot = 0; slot < count; slot++) {
        const { start, bytes } = datagramAt(socket, slot);
        reply(socket, socket.received.endpointWords.slice(start, start + ENDPOINT_WORDS), bytes);
      }
    });
  }
}

/** Keeps what comes, and answers all of it, the last first, when it is told to. */
function answerLater({ forwarding }: Instance): { kept: () => number; answer: () => void } {
  const kept: { socket: UdpSocket; endpoint: Int32Array; bytes: Uint8Array }[] = [];
  for (const socket of forwarding.sockets) {
    socket.start((count) => {
      for (let slot = 0; slot < count; slot++) {
        const { start, bytes } = datagramAt(socket, slot);
        kept.push({ socket, bytes, endpoint: socket.received.endpointWords.slice(start, start + ENDPOINT_WORDS) });
      }
    });
  }
  return {
    kept: () => kept.length,
    answer() {
      for (const { socket, endpoint, bytes } of kept.reverse()) reply(socket, endpoint, bytes);
      for (const socket of forwarding.sockets) socket.flush();
    },
  };
}

function datagramAt({ received }: UdpSocket, slot: number): { start: number; bytes: Uint8Array } {
  const at = slot * received.stride;
  return { start: slot * ENDPOINT_WORDS, bytes: received.bytes.slice(at, at + received.lengths[slot]) };
}

function reply(socket: UdpSocket, endpoint: Int32Array, bytes: Uint8Array): void {
  const slot = socket.reserve();
  socket.outgoing.endpointWords.set(endpoint, slot * ENDPOINT_WORDS);
  socket.outgoing.bytes.set(bytes.toReversed(), slot * socket.outgoing.stride);
  socket.queue(bytes.length);
}

/** Datagrams of different clients, lengths and contents. */
function datagrams(family: IpFamily, count: number, first: number): Datagram[] {
  return Array.from({ length: count }, (_, i) => ({
    host: family === 4 ? `10.0.${i >> 8}.${i & 0xff}` : `2001:db8::${(i + 1).toString(16)}`,
    port: (first + i) % PORTS,
    bytes: Uint8Array.from({ length: 16 + ((first + i) % 300) }, (_, at) => (first + i + at) & 0xff),
  }));
}

const answered = (sent: readonly Datagram[]) => sent.map((each) => ({ ...each, bytes: each.bytes.toReversed() }));
const byPort = (a: Datagram, b: Datagram) => a.port - b.port || a.host.localeCompare(b.host);

describe('datagrams that clients send to slaves', () => {
  test('come back answered from the socket that was asked, of each slave', async () => {
    const instances = threeInstances();
    const [master, ...slaves] = instances;
    elect(master, instances);
    answerAtOnce(master);
    const asked = slaves.flatMap((slave, i) =>
      slave.sockets.map((socket, j) => ({ socket, sent: datagrams(socket.family, 40, 1_000 * (4 * i + j)) })),
    );
    for (const { socket, sent } of asked) socket.arrive(...sent);
    for (const { socket, sent } of asked) {
      await waitFor('the answers', () => socket.sent.length >= sent.length);
      assert.deepEqual(socket.sent, answered(sent));
    }
    for (const { counters } of slaves) assert.equal(counters[COUNTER.udpForwarded], 4 * 40);
  });

  test('are answered later and in another order all the same, each where it was asked', async () => {
    const instances = threeInstances();
    const [master, ...slaves] = instances;
    elect(master, instances);
    const later = answerLater(master);
    const asked = slaves.flatMap((slave, i) =>
      slave.sockets.map((socket, j) => ({ socket, sent: datagrams(socket.family, BATCH_SLOTS, 1_000 * (4 * i + j)) })),
    );
    // In turns, so that the answers of one batch are for different slaves and sockets.
    for (let at = 0; at < BATCH_SLOTS; at++) for (const { socket, sent } of asked) socket.arrive(sent[at]);
    await waitFor('all of them', () => later.kept() === asked.length * BATCH_SLOTS);
    later.answer();
    for (const { socket, sent } of asked) {
      await waitFor('the answers', () => socket.sent.length >= sent.length);
      assert.deepEqual(socket.sent.toSorted(byPort), answered(sent).toSorted(byPort));
    }
  });

  test('are lost when the network loses them, and others are not', async () => {
    const instances = threeInstances();
    const [master, slave, other] = instances;
    elect(master, instances);
    answerAtOnce(master);
    slave.log.connected = false;
    const sent = datagrams(4, 2, 5);
    slave.sockets[0].arrive(sent[0]);
    other.sockets[0].arrive(sent[1]);
    await waitFor('the answer', () => other.sockets[0].sent.length > 0);
    assert.deepEqual(slave.sockets[0].sent, []);
    assert.deepEqual(other.sockets[0].sent, answered([sent[1]]));
  });

  test('that are too short or too long for a request are counted and go nowhere', () => {
    const [master, slave] = threeInstances();
    elect(master, [master, slave]);
    const bytes = [0, 1, 15, RECEIVE_STRIDE, RECEIVE_STRIDE + 1].map((length) => new Uint8Array(length));
    slave.sockets[0].arrive(...bytes.map((bytes) => ({ host: '10.0.0.1', port: 1, bytes })));
    assert.equal(slave.counters[COUNTER.udpMalformed], bytes.length);
    assert.equal(slave.counters[COUNTER.udpForwarded], 0);
    assert.deepEqual(slave.log.sent, []);
  });

  test('are held while there is no master, and answered by the next one, in the order in which they came', async () => {
    const instances = threeInstances();
    const [master, slave] = instances;
    answerAtOnce(master);
    const sent = datagrams(4, 10, 1);
    for (const datagram of sent) slave.sockets[0].arrive(datagram);
    assert.deepEqual(slave.log.sent, []);
    elect(master, instances);
    await waitFor('the answers', () => slave.sockets[0].sent.length >= sent.length);
    assert.deepEqual(slave.sockets[0].sent, answered(sent));
    assert.equal(slave.counters[COUNTER.udpForwarded], sent.length);
  });

  test('are answered by the instance itself when it becomes the master', () => {
    const [own] = threeInstances();
    answerAtOnce(own);
    const sent = datagrams(6, 10, 1);
    own.sockets[1].arrive(...sent);
    own.forwarding.answerHeld();
    assert.deepEqual(own.sockets[1].sent, []);
    own.log.setMaster('one');
    own.forwarding.answerHeld();
    assert.deepEqual(own.sockets[1].sent, answered(sent));
    own.forwarding.answerHeld();
    assert.equal(own.sockets[1].sent.length, sent.length);
  });

  test('are not held for longer than clients wait', (t) => {
    const clock = { now: 0 };
    t.mock.method(performance, 'now', () => clock.now);
    const instances = threeInstances();
    const [master, slave] = instances;
    const [old, fresh] = datagrams(4, 2, 1);
    slave.sockets[0].arrive(old);
    clock.now += 5_000;
    slave.sockets[0].arrive(fresh);
    elect(master, instances);
    assert.equal(slave.log.sent.length, 1);
    assert.equal(slave.counters[COUNTER.udpForwarded], 1);
  });

  test('are held up to a bound, and lost beyond', () => {
    const instances = threeInstances();
    const [master, slave] = instances;
    const long = { host: '10.0.0.1', port: 1, bytes: new Uint8Array(1_400) };
    const batch = new Array<Datagram>(BATCH_SLOTS).fill(long);
    for (let i = 0; i < 100; i++) slave.sockets[0].arrive(...batch);
    elect(master, instances);
    const bytes = slave.log.sent.reduce((sum, { message }) => sum + message.length, 0);
    assert.ok(bytes > 1 << 20 && bytes <= 2 << 20, `${bytes} bytes`);
  });
});

describe('messages that cannot be read', () => {
  test('are dropped, and those behind them are read', async () => {
    const instances = threeInstances();
    const [master, slave] = instances;
    elect(master, instances);
    answerAtOnce(master);
    const garbage = [[], [0], [KIND_DATAGRAMS], [KIND_DATAGRAMS, 4, 9, 0, 1, 2, 3, 4], [KIND_DATAGRAMS, 5, 1, 0]];
    const others = [
      [KIND_REPLIES, 6, 1, 0],
      [KIND_REQUEST, 1],
      [KIND_OUTCOME, 0, 0],
      [250, 1, 2, 3],
    ];
    const unreadable = [KIND_REQUEST, 0, 0, 0, 1, 0, 0, 0, 0x7b];
    for (const bytes of [...garbage, ...others, unreadable]) {
      for (const { log } of instances) log.receive('stranger', Uint8Array.from(bytes));
    }
    assert.deepEqual(master.asked, []);
    const sent = datagrams(4, 1, 7);
    slave.sockets[2].arrive(...sent);
    await waitFor('the answer', () => slave.sockets[2].sent.length > 0);
    assert.deepEqual(slave.sockets[2].sent, answered(sent));
  });

  test('with replies for a socket that is not there send nothing', async () => {
    const instances = threeInstances();
    const [master, slave] = instances;
    elect(master, instances);
    const later = answerLater(master);
    const [one, two] = datagrams(4, 2, 7);
    slave.sockets[0].arrive(one);
    slave.sockets[2].arrive(two);
    await waitFor('both', () => later.kept() === 2);
    const before = master.log.sent.length;
    later.answer();
    const [{ message }] = master.log.sent.slice(before);
    // The tag of the first record, behind head and length.
    message[6] = 77;
    const sentBefore = slave.sockets.map(({ sent }) => sent.length);
    slave.log.receive('one', message);
    assert.equal(
      slave.sockets.reduce((sum, { sent }) => sum + sent.length, 0),
      sentBefore.reduce((sum, count) => sum + count, 0) + 1,
    );
  });
});

describe('requests of a slave to the master', () => {
  const http: ForwardedRequest = { type: 'http', path: '/announce', query: 'a=b', ip: [127, 0, 0, 1] };

  test('are answered with the outcome there, each with its own', async () => {
    const instances = threeInstances();
    const [master, ...slaves] = instances;
    elect(master, instances);
    master.answer = async (request) => ({ status: 200, body: new TextEncoder().encode(JSON.stringify(request)) });
    await Promise.all(
      slaves.flatMap((slave) =>
        Array.from({ length: 50 }, async (_, i) => {
          const request = { ...http, query: `${slave.log.self}=${i}` };
          const { status, body } = await slave.toMaster.ask(request);
          assert.deepEqual([status, JSON.parse(new TextDecoder().decode(body))], [200, request]);
        }),
      ),
    );
    assert.equal(master.asked.length, 100);
    assert.equal(slaves[0].counters[COUNTER.httpForwarded], 50);
  });

  test('are refused where no master is known', async () => {
    const [slave] = threeInstances();
    await assert.rejects(slave.toMaster.ask(http), { code: 'NOT_MASTER' });
    assert.equal(slave.toMaster.isKnown, false);
    slave.log.setMaster('one');
    assert.equal(slave.toMaster.isKnown, false, 'it is the master itself');
    await assert.rejects(slave.toMaster.ask(http), { code: 'NOT_MASTER' });
  });

  test('are given up when another master is there, or none', async () => {
    for (const next of ['three', undefined]) {
      const instances = threeInstances();
      const [master, slave] = instances;
      elect(master, instances);
      master.answer = () => new Promise(() => {});
      const asked = [
        slave.toMaster.ask(http),
        slave.toMaster.ask({ type: 'change-admission', change: { mode: 'deny' } }),
      ];
      slave.log.setMaster('one');
      slave.log.setMaster(next);
      for (const outcome of asked) await assert.rejects(outcome, { code: 'UNCERTAIN' });
    }
  });

  test('to hand over are not given up then: the former master says how it went', async () => {
    const instances = threeInstances();
    const [master, slave, other] = instances;
    elect(master, instances);
    master.answer = async () => {
      elect(other, instances);
      return { status: 200, body: new Uint8Array(0) };
    };
    assert.equal((await slave.toMaster.ask({ type: 'step-down' })).status, 200);
  });

  test('are given up when the master says nothing for long, and a late outcome is nobody\u2019s', async (t: TestContext) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const instances = threeInstances();
    const [master, slave] = instances;
    elect(master, instances);
    const late = Promise.withResolvers<Outcome>();
    master.answer = () => late.promise;
    const given = assert.rejects(slave.toMaster.ask(http), { code: 'UNCERTAIN' });
    t.mock.timers.tick(4_000);
    const later = slave.toMaster.ask({ ...http, query: 'later' });
    t.mock.timers.tick(1_000);
    await given;
    t.mock.timers.reset();
    await waitFor('both requests', () => master.asked.length === 2);
    late.resolve({ status: 200, body: Uint8Array.of(9) });
    assert.deepEqual((await later).body, Uint8Array.of(9));
  });

  test('wait in limited number', async () => {
    const instances = threeInstances();
    const [master, slave] = instances;
    elect(master, instances);
    master.answer = () => new Promise(() => {});
    const waiting: Promise<unknown>[] = [];
    for (let i = 0; i < 4_096; i++) waiting.push(slave.toMaster.ask(http).catch(() => 'given up'));
    await assert.rejects(slave.toMaster.ask(http), { code: 'NOT_MASTER' });
    slave.log.setMaster(undefined);
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['given up']));
  });
});
