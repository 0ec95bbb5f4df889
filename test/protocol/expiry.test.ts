import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { onBothWays } from '../harness/both-ways.ts';
import { announceQuery, httpAnnounce } from '../harness/http-tracker.ts';
import { startSwarmkeeper, temporaryFolder } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, UdpClient } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const INTERVAL_SECONDS = 1;
const args = ['--interval', String(INTERVAL_SECONDS)];

// All at once: the time is spent waiting.
describe('expiry', { concurrency: true }, () => {
  onBothWays(
    (tracker) => {
      test('a peer that is silent for two intervals disappears, one that announces again stays', async () => {
        const { clientPort } = tracker();
        const api = new TrackerApi(tracker());
        const infoHash = newInfoHash();
        await using client = await UdpClient.open('127.0.0.1', clientPort);
        await using client6 = await UdpClient.open('::1', clientPort);
        const silentSince = performance.now();
        await client.announce({ infoHash, port: 1 });
        await client6.announce({ infoHash, port: 2 });
        await httpAnnounce(clientPort, announceQuery(infoHash, 3, { left: 0, event: 'completed' }));
        let announcedAt = Number.NEGATIVE_INFINITY;
        const lost: number[] = [];
        await waitFor('the silent ones to be gone', async () => {
          const ports = (await api.content(infoHash))!.peers.map(({ port }) => port);
          // Had the machine stood still for longer, they would rightly be gone.
          const isRecent = performance.now() - announcedAt < 1_000 * INTERVAL_SECONDS;
          if (isRecent) lost.push(...[4, 5, 6].filter((port) => !ports.includes(port)));
          announcedAt = performance.now();
          await client.announce({ infoHash, port: 4 });
          await httpAnnounce(clientPort, announceQuery(infoHash, 5));
          await client6.announce({ infoHash, port: 6, left: 0n });
          return isRecent && ![1, 2, 3].some((port) => ports.includes(port));
        });
        assert.deepEqual(lost, []);
        const silentMs = performance.now() - silentSince;
        assert.ok(silentMs >= 2_000 * INTERVAL_SECONDS, `gone after ${silentMs} ms, that is less than two intervals`);
        const { peers, seeders, leechers } = await client.announce({ infoHash, port: 4 });
        assert.deepEqual([peers, seeders, leechers], [[{ host: '127.0.0.1', port: 5 }], 1, 2]);
        // Who goes takes none of the downloads along.
        assert.deepEqual((await client.scrape([infoHash])).entries, [{ seeders: 1, completed: 1, leechers: 2 }]);
        assert.ok((await api.metric('peers_expired_total')) >= 3);
      });

      test('a content that all have left is still listed, without peers', async () => {
        const api = new TrackerApi(tracker());
        const infoHash = newInfoHash();
        await using client = await UdpClient.open('127.0.0.1', tracker().clientPort);
        await client.announce({ infoHash, urlData: '?name=still%20here' });
        const content = await waitFor('the peer to be gone', async () => {
          const content = await api.content(infoHash);
          return content?.peers.length === 0 ? content : undefined;
        });
        assert.equal(content.name, 'still here');
        assert.deepEqual((await client.announce({ infoHash })).leechers, 1);
      });
    },
    { args },
  );

  test('while an instance does not run nobody expires, afterwards they do', async () => {
    await using folder = await temporaryFolder();
    const infoHash = newInfoHash();
    // Long enough that nobody expires before the stop, however slow the machine is.
    await using first = await startSwarmkeeper({ dataDir: folder.path, args: ['--interval', '3600'] });
    await using client = await UdpClient.open('127.0.0.1', first.clientPort);
    await client.announce({ infoHash });
    await first.stop('SIGKILL');
    await using second = await startSwarmkeeper({ dataDir: folder.path, args });
    const api = new TrackerApi(second);
    assert.equal(await api.metric('peers'), 1, 'it was there when the instance stopped');
    await waitFor('the peer to be gone', async () => (await api.content(infoHash))?.peers.length === 0);
  });
});
