import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  announceQuery,
  bencodedBody,
  failureReason,
  readAnnounceReply,
  scrapeQuery,
} from '../../test/harness/http-tracker.ts';
import { MemoryLog } from '../../test/harness/memory-log.ts';
import { newInfoHash } from '../../test/harness/udp-client.ts';
import { waitFor } from '../../test/harness/wait-for.ts';
import { formatInfoHash } from '../bittorrent/info-hash.ts';
import { NotMasterError, RemovalError, UncertainError } from '../cluster/replicated-log.ts';
import { AppliedIndex } from './applied-index.ts';
import { ClusterClock } from './cluster-clock.ts';
import { COUNTER, newCounters } from './counters.ts';
import type { Outcome } from './forwarding/forward-messages.ts';
import { ForwardedHttp } from './forwarding/forwarded-http.ts';
import { Forwarding } from './forwarding/forwarding.ts';
import { ToMaster } from './forwarding/to-master.ts';
import { HttpFrontEnd } from './front-ends/http-front-end.ts';
import { LogGroups } from './log-group.ts';
import { ADMISSION_DENY } from './operations.ts';
import { PeerInfoSender } from './peer-info-sender.ts';
import { Requests } from './requests.ts';
import { TrackerState } from './tracker-state.ts';

const INTERVAL_SECONDS = 600;
const IP = [127, 0, 0, 7];

/** What an instance's serve thread has, but threads, sockets and tables. */
class Instance {
  readonly log: MemoryLog;
  readonly state = new TrackerState(new ClusterClock());
  readonly applied = new AppliedIndex(0n);
  readonly counters = newCounters();
  readonly requests: Requests;

  constructor(log: MemoryLog) {
    this.log = log;
    const { state, applied, counters } = this;
    const groups = new LogGroups(log, state.clock);
    const common = { log, state, groups, counters, intervalSeconds: INTERVAL_SECONDS };
    const sender = new PeerInfoSender({ ...common, tablesAreBehind: () => false });
    const frontEnd = new HttpFrontEnd({ ...common, sender });
    const toMaster = new ToMaster(log, counters);
    const http = new ForwardedHttp(log, frontEnd, toMaster);
    this.requests = new Requests({ log, state, applied, frontEnd, http, toMaster });
    new Forwarding(log, toMaster, (request) => this.requests.answer(request));
  }

  apply(index: number, batch: Uint8Array): void {
    this.state.apply(BigInt(index), batch);
    this.applied.advance(BigInt(index));
  }

  async announce(infoHash: Uint8Array, port: number): Promise<Outcome> {
    return this.requests.ask({ type: 'http', path: '/announce', query: announceQuery(infoHash, port), ip: IP });
  }

  async scrape(infoHash: Uint8Array): Promise<Outcome> {
    return this.requests.ask({ type: 'http', path: '/scrape', query: scrapeQuery([infoHash]), ip: IP });
  }
}

/** Whatever the master proposes is applied by all, or by those that the test lets apply it. */
function cluster(): {
  instances: readonly [Instance, Instance, Instance];
  elect: (master: Instance | undefined) => void;
} {
  const [one, two, three] = MemoryLog.cluster('one', 'two', 'three');
  const instances = [new Instance(one), new Instance(two), new Instance(three)] as const;
  let index = 0;
  for (const { log } of instances) {
    log.decide = async () => {
      index++;
      for (const each of instances) each.apply(index, log.proposed[log.proposed.length - 1]);
    };
  }
  return {
    instances,
    elect: (master) => {
      for (const { log } of instances) log.setMaster(master?.log.self);
    },
  };
}

const asReply = ({ status, body }: Outcome) => ({
  status,
  headers: new Map<string, string>(),
  body: Buffer.from(body),
});
const problem = ({ body }: Outcome): { code: string; message: string } => JSON.parse(Buffer.from(body).toString());

describe('an HTTP request', () => {
  test('gets the same answer at the master and at a slave', async () => {
    const { instances, elect } = cluster();
    const [master, slave] = instances;
    elect(master);
    const infoHash = newInfoHash();
    const first = readAnnounceReply(asReply(await slave.announce(infoHash, 1)), 4);
    assert.deepEqual([first.leechers, first.peers], [1, []]);
    const expected = await master.announce(infoHash, 2);
    assert.deepEqual(readAnnounceReply(asReply(expected), 4).peers, [{ host: '127.0.0.7', port: 1 }]);
    assert.deepEqual(await slave.announce(infoHash, 2), expected);
    assert.deepEqual(await slave.scrape(infoHash), await master.scrape(infoHash));
    assert.equal(slave.counters[COUNTER.httpForwarded], 3);
    assert.equal(slave.counters[COUNTER.httpAnnounces], 0);
    assert.equal(master.counters[COUNTER.httpForwarded], 0);
  });

  test('is held while there is no master, and answered by the next one', async () => {
    const { instances, elect } = cluster();
    const infoHash = newInfoHash();
    const asked = instances.map((instance, at) => instance.announce(infoHash, at + 1));
    elect(instances[1]);
    const replies = (await Promise.all(asked)).map((outcome) => readAnnounceReply(asReply(outcome), 4));
    assert.equal(Math.max(...replies.map(({ leechers }) => leechers)), instances.length);
  });

  test('that the master took with it is asked of the next one', async () => {
    const { instances, elect } = cluster();
    const [master, slave, next] = instances;
    elect(master);
    master.log.connected = false;
    const asked = slave.announce(newInfoHash(), 1);
    elect(undefined);
    elect(next);
    assert.equal(readAnnounceReply(asReply(await asked), 4).leechers, 1);
    assert.equal(next.log.proposed.length, 1);
  });

  test('that reached a master whose lease has ended is answered when it holds again', async () => {
    const { instances, elect } = cluster();
    const [master, slave] = instances;
    elect(master);
    master.log.setMayAnswer(false);
    const infoHash = newInfoHash();
    const asked = [slave.announce(infoHash, 1), master.announce(infoHash, 2)];
    await waitFor('the slave to have asked', () => slave.counters[COUNTER.httpForwarded] > 0);
    await waitFor('the answer that there is no master', () => master.log.sent.length > 0);
    master.log.setMayAnswer(true);
    for (const outcome of asked) assert.equal((await outcome).status, 200);
  });

  test('is refused when there is no master for long, with the time to come again', async (t) => {
    const clock = { now: performance.now() };
    t.mock.method(performance, 'now', () => clock.now);
    const { instances } = cluster();
    const asked = [instances[0].announce(newInfoHash(), 1), instances[0].scrape(newInfoHash())];
    clock.now += 10_000;
    for (const outcome of await Promise.all(asked)) {
      assert.equal(outcome.status, 503);
      assert.match(failureReason(asReply(outcome)) ?? '', /no master/);
      assert.equal(bencodedBody(asReply(outcome)).get('retry in'), 1);
    }
  });

  test('beyond the number of those that are held is refused at once', async () => {
    const { instances, elect } = cluster();
    const [instance] = instances;
    const held: Promise<Outcome>[] = [];
    for (let i = 0; i < 4_096; i++) held.push(instance.scrape(newInfoHash()));
    assert.equal((await instance.scrape(newInfoHash())).status, 503);
    elect(instance);
    for (const outcome of held) assert.equal((await outcome).status, 200);
  });

  test('that makes no sense gets the reason at a slave as at the master', async () => {
    const { instances, elect } = cluster();
    const [master, slave] = instances;
    elect(master);
    const ask = ({ requests }: Instance) =>
      requests.ask({ type: 'http', path: '/announce', query: 'info_hash=x', ip: IP });
    const outcome = await ask(slave);
    assert.equal(outcome.status, 200);
    assert.ok(failureReason(asReply(outcome)));
    assert.deepEqual(outcome, await ask(master));
  });
});

describe('a change of the admission lists', () => {
  const denied = newInfoHash();
  const change = { type: 'change-admission', change: { list: 'deny', add: [formatInfoHash(denied)] } } as const;
  const mode = { type: 'change-admission', change: { mode: 'deny' } } as const;

  test('that a slave is asked for is there before it is done', async () => {
    const { instances, elect } = cluster();
    const [master, slave] = instances;
    elect(master);
    // It hears of what was committed later than the others.
    const late: (() => void)[] = [];
    const apply = slave.apply.bind(slave);
    slave.apply = (index, batch) => late.push(() => apply(index, batch));
    let isDone = false;
    const asked = slave.requests.ask(mode).then((outcome) => {
      isDone = true;
      return outcome;
    });
    await waitFor('the outcome at the master', () => master.log.sent.length > 0);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isDone, false);
    for (const each of late) each();
    assert.equal((await asked).status, 200);
    assert.equal(slave.state.admission.mode, ADMISSION_DENY);
  });

  test('is made on every instance', async () => {
    const { instances, elect } = cluster();
    const [master, slave] = instances;
    elect(master);
    assert.equal((await slave.requests.ask(change)).status, 200);
    assert.equal((await slave.requests.ask(mode)).status, 200);
    for (const instance of instances) {
      assert.match(failureReason(asReply(await instance.announce(denied, 1))) ?? '', /does not serve that content/);
    }
  });

  test('is refused where there is no master, and uncertain when the master goes', async () => {
    const { instances, elect } = cluster();
    const [master, slave] = instances;
    slave.log.decide = () => Promise.reject(new NotMasterError(undefined));
    assert.equal(problem(await slave.requests.ask(change)).code, 'NOT_MASTER');
    elect(master);
    master.log.decide = () => new Promise(() => {});
    const asked = slave.requests.ask(change);
    elect(undefined);
    assert.deepEqual([(await asked).status, problem(await asked).code], [409, 'UNCERTAIN']);
  });

  test('that the log refuses is refused with its reason, here and through a slave', async () => {
    const { instances, elect } = cluster();
    const [master, slave] = instances;
    elect(master);
    master.log.decide = () => Promise.reject(new UncertainError('the disk is slow'));
    for (const { requests } of [master, slave]) {
      const outcome = await requests.ask(change);
      assert.equal(outcome.status, 409);
      assert.deepEqual(problem(outcome), {
        code: 'UNCERTAIN',
        message: 'the outcome of the change is unknown: the disk is slow',
      });
    }
  });
});

describe('the removal of a member', () => {
  test('is done by the master, whoever is asked', async () => {
    for (const asked of [0, 1]) {
      const { instances, elect } = cluster();
      elect(instances[0]);
      assert.equal((await instances[asked].requests.ask({ type: 'remove-member', member: 'gone' })).status, 200);
      assert.deepEqual(instances[0].log.removals, ['gone']);
    }
  });

  test('that the log refuses fails with the reason, here and through a slave', async () => {
    const { instances, elect } = cluster();
    elect(instances[0]);
    instances[0].log.remove = (member) => Promise.reject(new RemovalError('MEMBER_ALIVE', member));
    for (const { requests } of instances.slice(0, 2)) {
      const outcome = await requests.ask({ type: 'remove-member', member: 'b' });
      assert.equal(outcome.status, 409);
      assert.equal(problem(outcome).code, 'MEMBER_ALIVE');
      assert.match(problem(outcome).message, /^b is alive .*: stop it first$/);
    }
  });
});

describe('a handover', () => {
  test('is done by the master, whoever is asked', async () => {
    for (const asked of [0, 1, 2]) {
      const { instances, elect } = cluster();
      const [master, , next] = instances;
      elect(master);
      master.log.handOver = async () => elect(next);
      assert.equal((await instances[asked].requests.ask({ type: 'step-down' })).status, 200);
      assert.deepEqual(master.log.transfers, [undefined]);
    }
  });

  test('is refused where there is no master', async () => {
    const { instances } = cluster();
    const outcome = await instances[0].requests.ask({ type: 'step-down' });
    assert.deepEqual([outcome.status, problem(outcome).code], [409, 'NOT_MASTER']);
  });

  test('that nobody can take fails with the reason', async () => {
    const { instances, elect } = cluster();
    const [master, slave] = instances;
    elect(master);
    master.log.handOver = () => Promise.reject(new Error('nobody has caught up'));
    for (const { requests } of [master, slave]) {
      const outcome = await requests.ask({ type: 'step-down' });
      assert.deepEqual(problem(outcome), { code: 'HANDOVER_FAILED', message: 'nobody has caught up' });
    }
  });
});
