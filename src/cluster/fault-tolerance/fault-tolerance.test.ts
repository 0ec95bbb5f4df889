import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { findProgram, missingPrograms } from '../../../test/harness/programs.ts';
import { openLanTransport } from '../transport/lan/lan-transport.ts';
import { formatMemberKey, generateMemberKey, parseMemberKey } from '../transport/member-key.ts';
import { hearing, incarnation, until } from '../transport/member-transport.conformance.ts';
import type { MemberTransport } from '../transport/member-transport.ts';
import type { Verdict } from './failure-detector.ts';
import { FaultTolerance, type MemberView } from './fault-tolerance.ts';
import type { Keepalive } from './keepalive.ts';

// Real processes: this file, started again with a member's settings, is one member that prints its verdicts.

interface Settings {
  readonly member: string;
  readonly boot: number;
  readonly host: string;
  readonly port: number;
  readonly groupPort: number;
  readonly key: string;
}

interface Watching {
  readonly transport: MemberTransport;
  readonly verdicts: { readonly at: number; readonly verdict: Verdict }[];
  view(): MemberView[];
  close(): Promise<void>;
}

const CLUSTER = randomUUID();
const ASK = 1;
const ANSWER = 2;
const keepalive = (name: string): Keepalive => ({
  name,
  clientPort: 6969,
  role: 'slave',
  term: 3,
  commitIndex: 1_000,
  appliedIndex: 999,
  stateHash: '00ff00ff00ff00ff',
});

async function watch(
  settings: Settings,
  onVerdict: (verdict: Verdict) => void,
  onMessage: (transport: MemberTransport, from: string, kind: number, body: Uint8Array) => void = () => {},
): Promise<Watching> {
  const { member, boot, host, port, groupPort, key } = settings;
  const transport = await openLanTransport({
    clusterName: 'watched',
    cluster: process.env.CLUSTER ?? CLUSTER,
    self: incarnation(boot, member),
    host,
    port,
    groupPort,
    key: parseMemberKey(key),
  });
  const verdicts: Watching['verdicts'][number][] = [];
  const faultTolerance = new FaultTolerance({
    transport,
    describe: () => keepalive(member.slice(0, 8)),
    onVerdict: (verdict) => {
      verdicts.push({ at: performance.now(), verdict });
      onVerdict(verdict);
    },
  });
  const { listener } = hearing();
  const message = (from: { incarnation: { member: string } }, kind: number, body: Uint8Array) =>
    onMessage(transport, from.incarnation.member, kind, body);
  transport.start(faultTolerance.listening({ ...listener, message }));
  return {
    transport,
    verdicts,
    view: () => faultTolerance.view(),
    close: async () => {
      faultTolerance.close();
      await transport.close();
    },
  };
}

if (process.argv[2] === 'member') {
  const print = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
  const watching = await watch(
    JSON.parse(process.argv[3]) as Settings,
    (verdict) => print(verdict),
    (transport, from, kind) => {
      const text = JSON.stringify(watching.verdicts.map(({ verdict }) => verdict));
      if (kind === ASK) transport.send(from, ANSWER, Buffer.from(text));
    },
  );
  print({ port: watching.transport.port });
  process.stdin.resume().on('end', () => watching.close().then(() => process.exit()));
} else tests();

function tests(): void {
  const settings = (more: Partial<Settings> = {}): Settings => ({
    member: randomUUID(),
    boot: 1,
    host: '127.0.0.1',
    port: 0,
    groupPort: randomInt(20_000, 30_000),
    key: formatMemberKey(generateMemberKey()),
    ...more,
  });

  interface Process {
    readonly child: ChildProcess;
    readonly settings: Settings;
    readonly startedAt: number;
    readonly lines: (Partial<Verdict> & { port?: number })[];
  }

  const start = (t: TestContext, ofMember: Settings, namespace?: string): Process => {
    const command = [process.execPath, import.meta.filename, 'member', JSON.stringify(ofMember)];
    if (namespace !== undefined) command.unshift(findProgram('ip') as string, 'netns', 'exec', namespace);
    const startedAt = performance.now();
    const child = spawn(command[0], command.slice(1), {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, CLUSTER, NODE_TEST_CONTEXT: '' },
    });
    t.after(() => child.kill('SIGKILL'));
    const lines: Process['lines'] = [];
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      lines.push(JSON.parse(line)),
    );
    return { child, settings: ofMember, startedAt, lines };
  };

  /** This process as one member, and another process as the other. */
  const pair = async (t: TestContext) => {
    const mine = settings();
    const watching = await watch(mine, () => {});
    t.after(() => watching.close());
    const other = start(t, settings({ groupPort: mine.groupPort, key: mine.key }));
    await until(() => watching.verdicts.length === 1, 'the other process');
    await settled(watching);
    return { mine, watching, other };
  };

  /** Its rhythm is known well enough that the least patience applies. */
  const settled = (watching: Watching) =>
    until(
      () => watching.view().every(({ keepalive }) => keepalive !== null) && heardFor(watching, 30),
      'a steady rhythm',
    );
  const heardFor = ({ transport, verdicts }: Watching, beats: number) =>
    transport.counters.datagramsReceived >= beats * new Set(verdicts.map(({ verdict }) => verdict.member.member)).size;

  const states = ({ verdicts }: Watching) => verdicts.map(({ verdict: { state, because } }) => `${state}: ${because}`);

  test('kill -9 is known at once by the closed connection, and proven by the refused one', async (t) => {
    const { watching, other } = await pair(t);
    const killedAt = performance.now();
    other.child.kill('SIGKILL');
    await until(() => watching.verdicts.length === 3, 'the verdicts');
    assert.deepEqual(states(watching), ['alive: connected', 'suspected: closed', 'dead: proven']);
    const [, suspected, dead] = watching.verdicts;
    t.diagnostic(
      `suspected ${(suspected.at - killedAt).toFixed(1)} ms after kill -9, dead after ${(dead.at - killedAt).toFixed(1)} ms`,
    );
    assert.equal(watching.view()[0].state, 'dead');
  });

  test('a stopped process is suspected by its silence, never proven dead, and welcome when it goes on', async (t) => {
    const { watching, other } = await pair(t);
    const stoppedAt = performance.now();
    other.child.kill('SIGSTOP');
    await until(() => watching.verdicts.length === 2, 'the suspicion');
    t.diagnostic(`suspected ${(watching.verdicts[1].at - stoppedAt).toFixed(0)} ms after SIGSTOP`);
    other.child.kill('SIGCONT');
    await until(() => watching.verdicts.length === 3, 'its return');
    assert.deepEqual(states(watching), ['alive: connected', 'suspected: silent', 'alive: heard']);
    assert.ok(!other.lines.some(({ state }) => state === 'suspected' || state === 'dead'), JSON.stringify(other.lines));
  });

  test('a process that was stopped itself accuses nobody', async (t) => {
    const mine = settings();
    let answer: Verdict[] | undefined;
    const watching = await watch(
      mine,
      () => {},
      (_transport, _from, kind, body) => {
        if (kind === ANSWER) answer = JSON.parse(Buffer.from(body).toString());
      },
    );
    t.after(() => watching.close());
    const other = start(t, settings({ groupPort: mine.groupPort, key: mine.key }));
    start(t, settings({ groupPort: mine.groupPort, key: mine.key }));
    await until(() => watching.verdicts.length === 2, 'the other two');
    await settled(watching);
    for (let round = 0; round < 3; round++) {
      const seen = watching.verdicts.length;
      other.child.kill('SIGSTOP');
      await until(() => watching.verdicts.length === seen + 1, 'the suspicion');
      other.child.kill('SIGCONT');
      await until(() => watching.verdicts.length === seen + 2, 'its return');
    }
    assert.equal(watching.transport.send(other.settings.member, ASK, new Uint8Array(0)), 'sent');
    await until(() => answer !== undefined, 'its verdicts');
    assert.deepEqual(
      answer?.map(({ state }) => state),
      ['alive', 'alive'],
    );
  });

  test('a member that was killed and started again is back as a new run', async (t) => {
    const { mine, watching, other } = await pair(t);
    const { port } = other.lines.find((line) => line.port !== undefined) as { port: number };
    other.child.kill('SIGKILL');
    const again = start(t, { ...other.settings, boot: 2, port, groupPort: mine.groupPort });
    await until(() => watching.verdicts.length === 4, 'its return');
    const back = watching.verdicts[3];
    assert.deepEqual(back.verdict.member.boot, 2);
    assert.deepEqual(states(watching).slice(1), ['suspected: closed', 'dead: proven', 'alive: connected']);
    await until(() => again.lines.length > 0, 'its first line');
    t.diagnostic(`connected ${(back.at - again.startedAt).toFixed(0)} ms after its process was started`);
    assert.deepEqual(watching.transport.peers().length, 1);
  });

  test('an orderly stop is known as such', async (t) => {
    const { watching, other } = await pair(t);
    other.child.stdin?.end();
    await once(other.child, 'exit');
    await until(() => watching.verdicts.length === 3, 'the verdicts');
    assert.deepEqual(states(watching), ['alive: connected', 'suspected: closed', 'dead: proven']);
  });

  test('what members say of themselves is seen by the others', async (t) => {
    const { watching, other } = await pair(t);
    const [view] = watching.view();
    assert.deepEqual(view.keepalive, keepalive(other.settings.member.slice(0, 8)));
    assert.equal(view.peer.incarnation.member, other.settings.member);
    assert.equal(view.peer.host, '127.0.0.1');
    assert.equal(view.state, 'alive');
  });

  const noNamespaces =
    missingPrograms('ip') || (process.getuid?.() !== 0 && 'only root may make network namespaces') || false;

  test('a cut cable is silence, not death, and a mended one brings the member back', {
    skip: noNamespaces,
  }, async (t) => {
    const ip = (...args: string[]) => execFileSync(findProgram('ip') as string, args, { stdio: 'pipe' });
    const id = randomInt(1_000, 9_999);
    const spaces = [`swk-a${id}`, `swk-b${id}`];
    for (const space of spaces) {
      ip('netns', 'add', space);
      t.after(() => ip('netns', 'del', space));
    }
    ip('link', 'add', 'cable', 'netns', spaces[0], 'type', 'veth', 'peer', 'name', 'cable', 'netns', spaces[1]);
    for (const [i, space] of spaces.entries()) {
      ip('-n', space, 'addr', 'add', `10.77.0.${i + 1}/24`, 'dev', 'cable');
      ip('-n', space, 'link', 'set', 'cable', 'up');
      ip('-n', space, 'link', 'set', 'lo', 'up');
    }
    const common = { port: 7_000, groupPort: 6_970, key: formatMemberKey(generateMemberKey()) };
    const [a, b] = spaces.map((space, i) => start(t, settings({ ...common, host: `10.77.0.${i + 1}` }), space));
    const seen = ({ lines }: Process) => lines.filter(({ state }) => state !== undefined).map(({ state }) => state);
    await until(() => [a, b].every((one) => seen(one).length === 1), 'the pair');
    for (let round = 0; round < 2; round++) {
      const count = seen(a).length;
      const cutAt = performance.now();
      ip('-n', spaces[0], 'link', 'set', 'cable', 'down');
      await until(() => [a, b].every((one) => seen(one).length === count + 1), 'the suspicions');
      t.diagnostic(`both suspected ${(performance.now() - cutAt).toFixed(0)} ms after the cut`);
      ip('-n', spaces[0], 'link', 'set', 'cable', 'up');
      const mendedAt = performance.now();
      await until(() => [a, b].every((one) => seen(one).at(-1) === 'alive'), 'the return');
      t.diagnostic(`both alive ${(performance.now() - mendedAt).toFixed(0)} ms after it was mended`);
    }
    for (const one of [a, b]) assert.ok(!seen(one).includes('dead'), JSON.stringify(one.lines));
  });
}
