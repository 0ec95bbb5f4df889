import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { LogClient } from '../log-client.ts';
import { MINIMUM_TAIL_ENTRIES } from '../log-messages.ts';
import { MAX_FLOW_BYTES, MAX_MEMBER_MESSAGE_BYTES } from '../message-flow.ts';
import { bytes, describeReplicatedLog } from '../replicated-log.conformance.ts';
import { LogStore } from '../storage/log-store.ts';
import { readAll } from '../storage/read-all.ts';
import { openLanTransport } from '../transport/lan/lan-transport.ts';
import { generateMemberKey } from '../transport/member-key.ts';
import { hearing } from '../transport/member-transport.conformance.ts';
import { KIND_CLIENT, KIND_CONSENSUS, KIND_GENESIS } from './message-kinds.ts';
import { TestCluster, until } from './test-cluster.ts';

for (const expect of [1, 3]) {
  const clusters = new WeakMap<TestContext, TestCluster>();
  describeReplicatedLog(`raft log of ${expect}`, async (t) => {
    const cluster = clusters.get(t) ?? new TestCluster(t, { expect });
    clusters.set(t, cluster);
    const master = await cluster.form();
    return {
      connect: () => LogClient.connect(master.log.connect()),
      crash: async () => {
        await Promise.all(cluster.alive.map((member) => member.crash()));
      },
      close: () => cluster.close(),
    };
  });
}

describe('raft log of three', () => {
  it('elects one master, whom everybody knows and who alone may answer', async (t) => {
    const cluster = new TestCluster(t, { expect: 3 });
    const master = await cluster.form();
    const { self } = master.client.status;
    await until(() => cluster.alive.every(({ client }) => client.status.master === self), 'all know the master');
    assert.deepEqual(
      cluster.alive.map(({ client }) => client.mayAnswer()),
      cluster.alive.map((member) => member === master),
    );
    const [slave] = cluster.alive.filter((member) => member !== master);
    await assert.rejects(slave.client.propose(bytes('x')), { code: 'NOT_MASTER', master: self });
    const ids = cluster.alive.map(({ log }) => log.identity.member).sort();
    await until(() => slave.client.status.members.every(({ alive, name }) => alive && name !== ''), 'all are alive');
    assert.deepEqual(
      slave.client.status.members.map(({ id }) => id),
      ids,
    );
    assert.ok(slave.client.status.members.every(({ voter }) => voter));
  });

  it('loses nothing acknowledged with its master, has another one, and takes the old one back', async (t) => {
    const cluster = new TestCluster(t, { expect: 3 });
    const first = await cluster.form();
    const acknowledged: string[] = [];
    const failures: Error[] = [];
    const storm = Array.from({ length: 300 }, async (_, i) => {
      const index = await first.client.propose(bytes(`batch ${i}`)).catch((error: Error) => {
        failures.push(error);
      });
      if (index === undefined) return;
      acknowledged.push(`${index} batch ${i}`);
      if (acknowledged.length === 100) await first.crash();
    });
    await Promise.all(storm);
    assert.ok(acknowledged.length >= 100);
    const second = await cluster.master();
    assert.notEqual(second, first);
    const old = await cluster.start(first.name);
    const index = await second.client.propose(bytes('after'));
    await cluster.applied(index);
    for (const { entries } of cluster.alive) {
      assert.deepEqual(entries.slice(0, acknowledged.length), acknowledged);
      assert.equal(entries.at(-1), `${index} after`);
    }
    assert.equal(old.client.status.role, 'slave');
  });

  it('never lets two instances answer at once, whoever dies', async (t) => {
    const cluster = new TestCluster(t, { expect: 3 });
    await cluster.form();
    let most = 0;
    let checks = 0;
    const watch = setInterval(() => {
      checks++;
      most = Math.max(most, cluster.alive.filter(({ client }) => client.mayAnswer()).length);
    }, 1);
    t.after(() => clearInterval(watch));
    for (let round = 0; round < 4; round++) {
      const master = await cluster.master();
      await master.client.propose(bytes(`round ${round}`));
      if (round % 2 === 0) await master.crash();
      else await master.close();
      await cluster.master();
      await cluster.start(master.name);
      await cluster.applied((await cluster.master()).client.status.commitIndex);
    }
    assert.equal(most, 1);
    assert.ok(checks > 100);
  });

  it('has everything after all three were killed', async (t) => {
    const cluster = new TestCluster(t, { expect: 3 });
    const master = await cluster.form();
    const proposals = Array.from({ length: 50 }, (_, i) => master.client.propose(bytes(`batch ${i}`)));
    const indexes = await Promise.all(proposals);
    await Promise.all(cluster.alive.map((member) => member.crash()));
    const again = await cluster.form();
    const index = await again.client.propose(bytes('after'));
    await cluster.applied(index);
    for (const { entries } of cluster.alive) {
      assert.deepEqual(entries, [...indexes.map((at, i) => `${at} batch ${i}`), `${index} after`]);
    }
  });

  it('commits new entries in the place of those that its disk had and nobody else', async (t) => {
    const cluster = new TestCluster(t, { expect: 3 });
    const former = await cluster.form();
    const committed = await former.client.propose(bytes('committed'));
    await cluster.applied(committed);
    const [b, c] = cluster.alive.filter((member) => member !== former).map(({ name }) => name);
    await cluster.close();
    const store = LogStore.open(cluster.folderOf(former.name), 'test');
    const { lastIndex } = store;
    const { term } = readAll(store).at(-1)!;
    const lost = Array.from({ length: 50 }, (_, i) => ({
      index: lastIndex + 1 + i,
      term,
      kind: 0,
      batch: bytes(`lost ${i}`),
    }));
    store.write({ entries: lost });
    store.close();

    for (const name of [b, c]) await cluster.start(name);
    await cluster.master();
    const old = await cluster.start(former.name);
    await until(() => old.client.status.commitIndex > BigInt(lastIndex), 'it follows the others');
    await (await cluster.master()).client.transferMastership(old.log.identity.member);
    await until(() => old.client.mayAnswer(), 'the former master is the master again');
    const index = await old.client.propose(bytes('in their place'));
    assert.ok(index <= lastIndex + 50, 'at an index that its disk had');
    await cluster.applied(index);
    for (const { entries } of cluster.alive) {
      assert.deepEqual(
        entries.map((entry) => entry.replace(/^\d+ /, '')),
        ['committed', 'in their place'],
      );
    }
  });

  it('hands mastership over when it is asked to, and when the master stops', async (t) => {
    const cluster = new TestCluster(t, { expect: 3 });
    const first = await cluster.form();
    await first.client.transferMastership();
    assert.equal(first.client.mayAnswer(), false);
    const second = await cluster.master();
    assert.notEqual(second, first);
    await until(() => first.client.status.master === second.log.identity.member, 'the former master knows');
    await assert.rejects(first.client.transferMastership(), /not the master/);
    await second.close();
    const third = await cluster.master();
    await third.client.propose(bytes('still here'));
  });

  it('takes a dead member out when it is asked to, if another has caught up to take its place', async (t) => {
    const cluster = new TestCluster(t, { expect: 3 });
    const master = await cluster.form();
    const [slave, other] = cluster.alive.filter((member) => member !== master);
    const dead = slave.log.identity.member;
    await assert.rejects(master.client.removeMember(dead), { code: 'MEMBER_ALIVE' });
    await assert.rejects(master.client.removeMember('nobody'), { code: 'NO_MEMBER' });
    await assert.rejects(other.client.removeMember(dead), { code: 'NOT_MASTER' });
    await slave.close();
    const removed = () =>
      master.client.removeMember(dead).then(
        () => 'removed',
        (error: { code?: string }) => error.code,
      );
    let outcome = await removed();
    // Until it has been silent for a while, and until the newcomer has caught up.
    while (outcome === 'MEMBER_ALIVE') outcome = await removed();
    assert.equal(outcome, 'MEMBER_NEEDED');
    await cluster.start('d');
    while (outcome === 'MEMBER_NEEDED') outcome = await removed();
    assert.equal(outcome, 'removed');
    await until(() => !master.client.status.members.some(({ id }) => id === dead), 'the status knows');
    assert.equal(master.client.status.members.filter(({ voter }) => voter).length, 3);
    assert.equal(await removed(), 'NO_MEMBER');
    await master.client.propose(bytes('still here'));
  });

  it('carries messages between its instances, in order, to every client that listens', async (t) => {
    const cluster = new TestCluster(t, { expect: 3 });
    const master = await cluster.form();
    const [slave, other] = cluster.alive.filter((member) => member !== master);
    const second = await LogClient.connect(master.log.connect());
    const heard: string[] = [];
    const heardBySecond: string[] = [];
    const note = (list: string[]) => (from: string, message: Uint8Array) => {
      assert.equal(from, slave.log.identity.member);
      assert.equal(message.byteLength, message.buffer.byteLength, 'the bytes are its own');
      list.push(`${message.length} ${message[0]} ${message.at(-1)}`);
    };
    master.client.onMessage(note(heard));
    const stop = second.onMessage(note(heardBySecond));
    other.client.onMessage(() => assert.fail('it was for the master'));
    const replies: string[] = [];
    slave.client.onMessage((from, message) => replies.push(`${from} ${Buffer.from(message)}`));
    const sizes = [1, 64, 17_000, 65_000, MAX_MEMBER_MESSAGE_BYTES, 0, 5];
    for (const [i, size] of sizes.entries()) {
      slave.client.send(master.log.identity.member, new Uint8Array(size).fill(i));
    }
    const expected = sizes.map((size, i) => (size === 0 ? '0 undefined undefined' : `${size} ${i} ${i}`));
    await until(() => heard.length === sizes.length && heardBySecond.length === sizes.length, 'all were heard');
    assert.deepEqual(heard, expected);
    assert.deepEqual(heardBySecond, expected);
    stop();
    slave.client.send(master.log.identity.member, bytes('more'));
    await until(() => heard.length === sizes.length + 1, 'one still listens');
    assert.equal(heardBySecond.length, sizes.length);
    second.send(slave.log.identity.member, bytes('an answer'));
    await until(() => replies.length > 0, 'the answer came');
    assert.deepEqual(replies, [`${master.log.identity.member} an answer`]);
  });

  it('loses messages rather than let consensus wait behind them', async (t) => {
    const cluster = new TestCluster(t, { expect: 3 });
    const master = await cluster.form();
    const [slave] = cluster.alive.filter((member) => member !== master);
    let received = 0;
    slave.client.onMessage(() => received++);
    const size = 60_000;
    const perRound = 2 * Math.ceil(MAX_FLOW_BYTES / size);
    let sent = 0;
    for (let round = 0; round < 20; round++) {
      // In one go: the log thread cannot have received any of them when the last one is sent.
      for (let i = 0; i < perRound; i++, sent++) {
        master.client.send(slave.log.identity.member, new Uint8Array(size));
      }
      await master.client.propose(bytes(`round ${round}`));
    }
    assert.equal(master.client.status.role, 'master');
    assert.ok(received > 0);
    assert.ok(received < sent, `all ${sent} were taken`);
    const before = received;
    master.client.send(slave.log.identity.member, bytes('afterwards'));
    await until(() => received > before, 'messages arrive again');
  });

  it('replaces a voter that is gone for good by a learner, after the time that was set', async (t) => {
    const cluster = new TestCluster(t, { expect: 3, replaceAfterMs: 1_000 });
    const master = await cluster.form();
    const newcomer = await cluster.start('d');
    const votes = (id: string) => master.client.status.members.find((member) => member.id === id)?.voter;
    await until(() => votes(newcomer.log.identity.member) === false, 'the newcomer is a learner');
    const [lost] = cluster.alive.filter((member) => member !== master && member !== newcomer);
    await lost.crash();
    await until(() => votes(newcomer.log.identity.member) === true, 'the newcomer votes');
    await until(() => !votes(lost.log.identity.member), 'the lost member does not');
  });

  it('brings a new member up to date by a snapshot and what followed it, also after a restart', async (t) => {
    const cluster = new TestCluster(t, { expect: 3, keepLogBytes: 20_000 });
    const master = await cluster.form();
    const propose = (count: number) =>
      Promise.all(Array.from({ length: count }, (_, i) => master.client.propose(bytes(`batch ${i}`))));
    await propose(MINIMUM_TAIL_ENTRIES + 1_500);
    for (const { client, position } of cluster.alive) client.trimmable(position);
    await propose(10);
    const newcomer = await cluster.start('d');
    await cluster.applied(master.client.status.commitIndex);
    assert.equal(newcomer.restored, 1);
    assert.deepEqual(newcomer.entries, master.entries);
    const late = (await propose(10)).at(-1)!;
    await cluster.applied(late);
    await until(() => newcomer.client.status.role === 'learner', 'the newcomer is a learner');
    assert.deepEqual(newcomer.entries, master.entries);

    await newcomer.crash();
    const again = await cluster.start('d');
    const last = (await propose(10)).at(-1)!;
    await cluster.applied(last);
    assert.equal(again.restored, 1);
    assert.deepEqual(again.entries, master.entries);
  });

  it('grows out of the log of an instance that was alone', async (t) => {
    const cluster = new TestCluster(t, { expect: 1 });
    const alone = await cluster.form();
    const index = await alone.client.propose(bytes('alone'));
    await alone.close();
    const first = await cluster.form();
    for (const name of ['b', 'c']) await cluster.start(name, { expect: 3 });
    const last = await first.client.propose(bytes('together'));
    await cluster.applied(last);
    for (const { entries } of cluster.alive) assert.deepEqual(entries, [`${index} alone`, `${last} together`]);
    const voters = () => first.client.status.members.filter(({ voter }) => voter).length;
    await until(() => voters() === 3, 'both others are voters');
  });

  it('says why it cannot start', async (t) => {
    const cluster = new TestCluster(t, { expect: 1 });
    await cluster.start('a');
    const inUse = cluster.start('b', { folder: cluster.folderOf('a') });
    await assert.rejects(inUse, { name: 'StorageError', code: 'IN_USE', message: /another instance uses/ });
    await assert.rejects(cluster.start('c', { host: '192.0.2.1' }), { code: 'NO_KEY' });
    await assert.rejects(cluster.start('d', { expect: 8 }), RangeError);
    await assert.rejects(cluster.start('e', { replaceAfterMs: 100 }), RangeError);
  });

  it('admits nobody without the key', async (t) => {
    const cluster = new TestCluster(t, { expect: 3, key: generateMemberKey() });
    const master = await cluster.form();
    const stranger = await cluster.start('stranger', { key: generateMemberKey() });
    for (let i = 0; i < 20; i++) await master.client.propose(bytes(`batch ${i}`));
    await until(() => master.client.refusedMessages > 0, 'the master counts the datagrams that it refuses');
    await until(() => stranger.client.refusedMessages > 0, 'so does the stranger');
    await until(() => master.warnings.length > 0, 'whoever runs it is told');
    assert.equal(stranger.client.status.master, undefined);
    assert.equal(stranger.client.status.members.length, 1);
    assert.equal(master.client.status.members.length, 3);
    assert.deepEqual(stranger.entries, []);
    await stranger.close();
    const before = master.client.refusedMessages;
    const plain = connect({ host: '127.0.0.1', port: master.log.memberPort }, () => plain.write('no TLS at all'));
    plain.on('error', () => {});
    t.after(() => plain.destroy());
    await until(() => master.client.refusedMessages > before, 'a connection without the key counts too');
  });

  it('counts what makes no sense and listens on', async (t) => {
    const memberGroup = { host: '239.255.77.70', port: randomInt(20_000, 30_000) };
    const cluster = new TestCluster(t, { expect: 1, memberGroup });
    const master = await cluster.form();
    const { host, port: groupPort } = memberGroup;
    const self = { member: randomUUID(), boot: 1, nonce: 1 };
    const transport = await openLanTransport({
      clusterName: 'test',
      cluster: null,
      self,
      host: '127.0.0.1',
      port: 0,
      group: host,
      groupPort,
      key: null,
    });
    t.after(() => transport.close());
    const heard = hearing();
    transport.start(heard.listener);
    await until(() => heard.events.length > 0, 'the stranger is connected');
    for (const [i, kind] of [KIND_CONSENSUS, KIND_GENESIS].entries()) {
      transport.send(master.log.identity.member, kind, Buffer.from('garbage'));
      await until(() => master.client.refusedMessages === i + 1, `kind ${kind} is counted`);
    }
    master.client.onMessage(() => assert.fail('the stranger belongs to no cluster'));
    transport.send(master.log.identity.member, KIND_CLIENT, Buffer.from('from outside'));
    await master.client.propose(bytes('still here'));
    assert.equal(transport.peers().length, 1);
  });
});
