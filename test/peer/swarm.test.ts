import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCluster } from '../harness/start-cluster.ts';
import { Stage } from './stage.ts';

const MIB = 1024 * 1024;
const PEERS = 10;
const MOST_COPIES = 2.5;
const DEADLINE_MS = 180_000;

/** Contents of many times what a peer asks for in advance. */
const CASES = [
  // KiB a second: the network, not the processor, is what there is little of, as everywhere but on one machine.
  { title: 'over a network of 6 MiB/s', size: 48 * MIB, upload: ['--upload-rate', '6144'] },
  { title: 'as fast as the machine can', size: 128 * MIB, upload: [] },
];

for (const { title, size, upload } of CASES) {
  test(`${PEERS} that get it at once, ${title}, share it: who has it sends less than ${MOST_COPIES} copies`, async (t) => {
    await using cluster = await startCluster({ instances: 1 });
    const stage = await Stage.open(t, cluster.network);
    await stage.write('wanted', size);
    const { process: sharing, shared } = await stage.share(stage.path('wanted'), ...upload);
    const [{ sha1 }] = shared;
    const gets = Array.from({ length: PEERS }, (_, i) =>
      stage.run('get', sha1, '-o', stage.path(`out-${i}`), ...upload),
    );
    await Promise.all(
      gets.map((get) =>
        get.until('it has all', () => get.jsonLines.some(({ event }) => event === 'done'), DEADLINE_MS),
      ),
    );
    await Promise.all(gets.map((_, i) => stage.assertSame('wanted', `out-${i}/wanted`)));
    const sent = await sharing.until('it says what it sent', () => {
      const told = sharing.jsonLines.filter(({ event }) => event === 'sharing');
      // Nobody wants anything any more: the last word.
      return told.length > 0 && told.at(-1)!.bytesPerSecond === 0 ? Number(told.at(-1)!.sent) : undefined;
    });
    t.diagnostic(`${(sent / size).toFixed(2)} copies were sent`);
    assert.ok(sent >= size && sent < MOST_COPIES * size, `${(sent / size).toFixed(2)} copies were sent`);
  });
}
