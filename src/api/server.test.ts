import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { acceptDescriptors } from '../../test/harness/accept-descriptors.ts';
import { MemoryTracker } from '../../test/harness/memory-tracker.ts';
import { ClusterSchema } from './schemas.ts';
import { startApi } from './server.ts';

test('the API serves what the tracker hands over until it is closed, and logs no request', {
  skip: process.platform !== 'linux' && 'descriptors are handed over on Linux only',
}, async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
  const tracker = new MemoryTracker();
  const api = await startApi(tracker, { logger });
  await using listener = await acceptDescriptors((connection) => tracker.hand(connection));
  const base = `http://127.0.0.1:${listener.port}`;
  for (let n = 0; n < 3; n++) {
    const reply = await fetch(`${base}/api/v1/cluster`);
    assert.equal(ClusterSchema.parse(await reply.json()).cluster, 'test');
  }
  assert.equal((await fetch(`${base}/nothing`)).status, 404);
  const change = await fetch(`${base}/api/v1/admission/mode`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"mode":"deny"}',
  });
  assert.equal(change.status, 204, 'loopback needs no token');
  assert.equal((await tracker.admission({ list: 'deny', limit: 1 })).mode, 'deny');
  await Promise.all([api.close(), api.close()]);
  await assert.rejects(fetch(`${base}/api/v1/cluster`));
  assert.deepEqual(lines, ['API started', 'API stopped']);
});
