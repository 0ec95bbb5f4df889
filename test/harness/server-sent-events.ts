import { once } from 'node:events';
import { request } from 'node:http';
import type { TestContext } from 'node:test';

export interface ServerSentEvent {
  readonly event: string;
  readonly data: unknown;
}

/** The server-sent events of an address, as they come, until the test ends. */
export async function listenTo(t: TestContext, url: string): Promise<ServerSentEvent[]> {
  const heard: ServerSentEvent[] = [];
  const asking = request(url);
  t.after(() => asking.destroy());
  asking.on('error', () => {});
  asking.end();
  const [answer] = await once(asking, 'response');
  let text = '';
  answer.setEncoding('utf8').on('data', (part: string) => {
    const messages = (text + part).split('\n\n');
    text = messages.pop()!;
    for (const message of messages) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(message) ?? [];
      if (event) heard.push({ event, data: JSON.parse(data) });
    }
  });
  answer.on('error', () => {});
  return heard;
}
