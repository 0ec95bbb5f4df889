import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { pino } from 'pino';
import { MemoryTracker, otherMember } from '../../test/harness/memory-tracker.ts';
import { waitFor } from '../../test/harness/wait-for.ts';
import { buildApp } from './app.ts';
import { EVENT_SCHEMAS, type EventName, type Snapshot } from './event-schemas.ts';
import { EventStreams, eventText, MAX_STREAMS } from './event-streams.ts';
import { ErrorSchema } from './schemas.ts';

const logger = pino({ level: 'silent' });

async function serverOf(tracker: MemoryTracker) {
  const app = await buildApp(tracker, { logger });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/api/v1/events`,
    close: () => app.close(),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

interface Heard {
  readonly event: EventName;
  readonly data: unknown;
}

/** Listens, and checks everything that it hears with the schemas. */
class Listener {
  readonly heard: Heard[] = [];
  readonly response: IncomingMessage;
  ended = false;
  #text = '';

  static async open(url: string, headers: Record<string, string> = {}): Promise<Listener> {
    return new Listener(await responseOf(url, headers));
  }

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    response.once('close', () => {
      this.ended = true;
    });
  }

  of(event: EventName): unknown[] {
    return this.heard.filter((each) => each.event === event).map(({ data }) => data);
  }

  #read(text: string): void {
    this.#text += text;
    const messages = this.#text.split('\n\n');
    this.#text = messages.pop()!;
    for (const message of messages) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(message)!;
      this.heard.push({ event: event as EventName, data: EVENT_SCHEMAS[event as EventName].parse(JSON.parse(data)) });
    }
  }
}

function responseOf(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { headers, agent: false }, resolve).once('error', reject));
}

test('a stream begins with a snapshot, then tells what happens, and a sample each second', async () => {
  const tracker = new MemoryTracker();
  const third = otherMember({ id: '00000000-0000-4000-8000-000000000003' });
  tracker.others = [otherMember(), third];
  await using server = await serverOf(tracker);
  const listener = await Listener.open(server.url);
  assert.match(listener.response.headers['content-type']!, /^text\/event-stream/);
  assert.equal(listener.response.headers['cache-control'], 'no-store');
  const [snapshot] = (await waitFor(
    'the snapshot',
    () => listener.of('snapshot').length && listener.of('snapshot'),
  )) as Snapshot[];
  assert.deepEqual(
    snapshot.timeline.map(({ kind }) => kind),
    ['started'],
  );
  assert.equal(snapshot.cluster.members.length, 3);

  tracker.others = [otherMember({ alive: false }), third];
  tracker.tellStatus();
  await waitFor('the news', () => listener.of('timeline').length === 1);
  assert.equal((listener.of('timeline')[0] as { kind: string }).kind, 'died');
  await waitFor('the cluster', () =>
    (listener.of('cluster') as Snapshot['cluster'][]).some(({ members }) => !members[1].alive),
  );
  tracker.counters.udpAnnounces += 10;
  await waitFor('a sample of it', () =>
    (listener.of('sample') as Snapshot['samples']).some(({ announces }) => announces > 0),
  );
  const late = await Listener.open(server.url);
  const [second] = (await waitFor(
    'the snapshot',
    () => late.of('snapshot').length && late.of('snapshot'),
  )) as Snapshot[];
  assert.deepEqual(
    second.timeline.map(({ kind }) => kind),
    ['died', 'started'],
    'newest first',
  );
  assert.ok(second.samples.length > 0);
  for (const each of [listener, late]) each.response.destroy();
});

test('what changes all the time is told at most four times a second, and what does not now and then', async () => {
  const tracker = new MemoryTracker();
  tracker.others = [otherMember()];
  await using server = await serverOf(tracker);
  const listener = await Listener.open(server.url);
  let samples = 0;
  let told = 0;
  while (samples < 3) {
    tracker.others = [otherMember({ lag: BigInt(told++) })];
    tracker.tellStatus();
    await new Promise((resolve) => setTimeout(resolve, 5));
    samples = listener.of('sample').length;
  }
  const changing = listener.of('cluster').length;
  assert.ok(told > 30 && changing >= 3 && changing <= 4 * samples + 2, `${changing} of ${told}`);
  // Nothing changes any more: the ages of the keepalives still come.
  await waitFor('a cluster without news', () => listener.of('cluster').length >= changing + 2);
  listener.response.destroy();
});

test('the streams end when the server closes', async () => {
  const server = await serverOf(new MemoryTracker());
  const listener = await Listener.open(server.url);
  await waitFor('the snapshot', () => listener.of('snapshot').length);
  await server.close();
  await waitFor('its end', () => listener.ended);
});

test('so many may listen, one more is refused', async () => {
  await using server = await serverOf(new MemoryTracker());
  const all = await Promise.all(Array.from({ length: MAX_STREAMS }, () => Listener.open(server.url)));
  const refused = await responseOf(server.url);
  assert.equal(refused.statusCode, 503);
  const body = (await refused.toArray()).join('');
  assert.equal(ErrorSchema.parse(JSON.parse(body)).error.code, 'TOO_MANY');
  all[0].response.destroy();
  await waitFor('room', async () => {
    const response = await responseOf(server.url);
    response.destroy();
    return response.statusCode === 200;
  });
  for (const { response } of all) response.destroy();
});

test('who does not read what it is told is cut off, and costs no more memory than that', () => {
  const streams = new EventStreams(100);
  const slow = new FakeResponse(1_000);
  const quick = new FakeResponse(0);
  for (const each of [slow, quick]) streams.open(each as never, {}, 'first');
  streams.send(eventText('sample', { a: '\n' }));
  assert.deepEqual([slow.written, slow.destroyed], [['first'], true]);
  assert.deepEqual([quick.written, quick.destroyed], [['first', 'event: sample\ndata: {"a":"\\n"}\n\n'], false]);
  assert.equal(streams.size, 1);
});

/** What EventStreams uses of a response; so much of it is not read. */
class FakeResponse {
  readonly written: string[] = [];
  readonly writableLength: number;
  destroyed = false;
  #onClose = () => {};

  constructor(writableLength: number) {
    this.writableLength = writableLength;
  }

  writeHead(): void {}

  write(text: string): void {
    this.written.push(text);
  }

  once(_event: 'close', listener: () => void): void {
    this.#onClose = listener;
  }

  destroy(): void {
    this.destroyed = true;
    this.#onClose();
  }
}
