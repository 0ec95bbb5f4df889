import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSwarmkeeper, temporaryFolder } from '../harness/start-swarmkeeper.ts';
import { formatGroup, testNetwork } from '../harness/test-network.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, UdpClient } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';
import { underLoad } from './stage.ts';

const SAYS_SO = /another cluster \([0-9a-f-]+\) of the same name is at 127\.0\.0\.1: the two will never merge/;

test('two clusters of one name that meet never merge: each goes on with what it has, and says so', (t) =>
  underLoad(t, {}, async (stage) => {
    await using folder = await temporaryFolder();
    const elsewhere = testNetwork();
    assert.equal(elsewhere.cluster, stage.network.cluster);
    const infoHash = newInfoHash();
    const founded = await startSwarmkeeper({ dataDir: folder.path, network: elsewhere });
    await using client = await UdpClient.open('127.0.0.1', founded.clientPort);
    await client.announce({ infoHash });
    assert.equal((await founded.stop()).code, 0);

    // Now it comes to where the members of the other cluster are.
    await using other = await startSwarmkeeper({
      dataDir: folder.path,
      network: elsewhere,
      args: ['--member-group', formatGroup(stage.network.memberGroup)],
    });
    const otherApi = new TrackerApi(other);
    await waitFor('both to say that the other is there', () =>
      [other.process, ...stage.alive].every(({ stderr }) => SAYS_SO.test(stderr)),
    );
    // Who is restarted meets it as a stranger again.
    const slave = await stage.slave();
    await slave.kill();
    await slave.start();
    await stage.voters(3);
    const { master, self, members } = await otherApi.cluster();
    assert.deepEqual([master, members.length], [self, 1]);
    assert.deepEqual(
      (await otherApi.contents()).map(({ sha1 }) => sha1),
      [Buffer.from(infoHash).toString('hex')],
    );
    for (const { api } of stage.alive) {
      assert.equal(await api.content(infoHash), undefined);
      assert.equal((await api.cluster()).members.length, 3);
    }
  }));

test('a cluster that comes to where an earlier one of its name answers leaves the group to it', (t) =>
  underLoad(t, {}, async (stage) => {
    await using folder = await temporaryFolder();
    const founded = await startSwarmkeeper({ dataDir: folder.path, network: testNetwork() });
    assert.equal((await founded.stop()).code, 0);
    await using other = await startSwarmkeeper({ dataDir: folder.path, network: stage.network });
    await waitFor('it to say so', () => SAYS_SO.test(other.process.stderr));
    await waitFor('its status to say so', async () => (await new TrackerApi(other).cluster()).earlierCluster !== null);
    await stage.serves();
    assert.ok(!stage.watch.sources.includes(other.clientPort));
    // Who asks it by its own address is still answered.
    await using client = await UdpClient.open('127.0.0.1', other.clientPort);
    await client.announce({ infoHash: newInfoHash() });
  }));
