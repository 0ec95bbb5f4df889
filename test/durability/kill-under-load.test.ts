import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { formatInfoHash } from '../../src/bittorrent/info-hash.ts';
import { AnnounceLoad } from '../harness/announce-load.ts';
import { WAYS } from '../harness/both-ways.ts';
import { startSwarmkeeper, temporaryFolder } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash } from '../harness/udp-client.ts';

const KILLS = 6;
/** Announces acknowledged before each kill: the first ones of a life, up to many batches. */
const FEWEST_ANNOUNCES = 1;
const MOST_ANNOUNCES = 2_000;

describe('killed under load', { concurrency: true }, () => {
  for (const { name, env } of WAYS) {
    test(`whatever was acknowledged before a kill is there after the next start (${name})`, async () => {
      await using folder = await temporaryFolder();
      const options = { dataDir: folder.path, env: { ...process.env, ...env } };
      const load = new AnnounceLoad();
      const listed: string[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        await using tracker = await startSwarmkeeper(options);
        const api = new TrackerApi(tracker);
        await load.verify(api);
        assert.deepEqual((await api.admission('allow')).sha1s, listed.toSorted());
        await using running = await load.start(tracker);
        await load.acknowledges(randomInt(FEWEST_ANNOUNCES, MOST_ANNOUNCES));
        const infoHash = newInfoHash();
        await api.addToList('allow', infoHash);
        listed.push(formatInfoHash(infoHash));
        await load.acknowledges(randomInt(FEWEST_ANNOUNCES, 100));
        const { signal, stderr } = await tracker.stop('SIGKILL');
        assert.deepEqual([signal, stderr], ['SIGKILL', '']);
        await running[Symbol.asyncDispose]();
      }
      await using tracker = await startSwarmkeeper(options);
      await load.verify(new TrackerApi(tracker));
      assert.deepEqual((await tracker.stop()).code, 0);
    });
  }
});
