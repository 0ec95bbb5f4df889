import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { EventStreams, HEARTBEAT_MS, MAX_STREAMS } from './event-stream.ts';

class FakeResponse extends EventEmitter {
  written = '';
  writableLength = 0;
  isEnded = false;
  writeHead(): void {}

  write(text: string): void {
    this.written += text;
  }

  end(): void {
    this.isEnded = true;
    this.emit('close');
  }
}

const fake = () => new FakeResponse() as FakeResponse & ServerResponse;

test('An event is a line of JSON under its name', () => {
  const response = fake();
  new EventStreams().open(response).send('changes', '{"a":1}');
  assert.equal(response.written, 'event: changes\ndata: {"a":1}\n\n');
});

test('A listener is ready when it has taken all that it was sent', () => {
  const response = fake();
  const stream = new EventStreams().open(response);
  assert.equal(stream.isReady, true);
  response.writableLength = 1;
  assert.equal(stream.isReady, false);
});

test('So many may listen and no more, until one of them goes', () => {
  const streams = new EventStreams();
  const responses = Array.from({ length: MAX_STREAMS }, fake);
  for (const each of responses) streams.open(each);
  assert.throws(() => streams.open(fake()), { code: 'TOO_MANY', statusCode: 503 });
  responses[7].emit('close');
  streams.open(fake());
});

test('Silence is broken now and then, and not before', (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const response = fake();
  const stream = new EventStreams().open(response);
  now = HEARTBEAT_MS - 1;
  stream.stayAlive();
  assert.equal(response.written, '');
  now = HEARTBEAT_MS;
  stream.stayAlive();
  assert.match(response.written, /^:.*\n\n$/);
});

test('At the end all are ended', () => {
  const streams = new EventStreams();
  const responses = [fake(), fake()];
  for (const each of responses) streams.open(each);
  streams.close();
  assert.deepEqual(
    responses.map(({ isEnded }) => isEnded),
    [true, true],
  );
});
