import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { findProgram, missingPrograms } from '../../../test/harness/programs.ts';
import { RunningProcess } from '../../../test/harness/running-process.ts';
import { temporaryFolder } from '../../../test/harness/start-swarmkeeper.ts';
import { waitFor } from '../../../test/harness/wait-for.ts';
import { formatInfoHash } from '../../bittorrent/info-hash.ts';
import { percentEncode } from '../../bittorrent/percent-encoding.ts';
import { COMPLETE, TestContent } from './test-content.ts';
import { TrackerClient } from './tracker-client.ts';

describe('against opentracker', { skip: missingPrograms('opentracker') }, () => {
  for (const protocol of ['udp', 'http']) {
    for (const host of ['127.0.0.1', 'localhost']) {
      test(`peers find each other over ${protocol} at ${host}, and one that stopped is not told of`, async () => {
        const seeder = new TestContent(101, { current: COMPLETE });
        const leecher = new TestContent(102, { infoHash: seeder.infoHash });
        const later = new TestContent(103, { infoHash: seeder.infoHash });
        await using tracker = await startOpentracker([seeder.infoHash]);
        await using client = open();
        const tiers = [[`${protocol}://${host}:${tracker.port}/announce`]];
        client.announce(seeder, tiers, seeder);
        await waitFor('the seeder to be told', () => seeder.answers.length > 0);
        const announcing = client.announce(leecher, tiers, leecher);
        await waitFor('the leecher to hear of the seeder', () => leecher.ports.has(101));
        assert.deepEqual(leecher.answers[0].source, { kind: 'tracker', url: tiers[0][0] });
        assert.equal(announcing.status.seeders, 1);
        leecher.current = COMPLETE;
        announcing.changed();
        await waitFor('another answer', () => announcing.status.seeders === 2);
        assert.equal(await announcing.stop(), true);
        client.announce(later, tiers, later);
        await waitFor('the last one to be told', () => later.ports.has(101));
        assert.equal(later.ports.has(102), false);
      });
    }
  }

  test('a content that it does not serve is refused over both ways', async () => {
    await using tracker = await startOpentracker([new TestContent(1).infoHash]);
    for (const protocol of ['udp', 'http']) {
      await using client = open();
      const content = new TestContent(104);
      client.announce(content, [[`${protocol}://127.0.0.1:${tracker.port}/announce`]], content);
      await waitFor('the refusal', () => content.failures.length > 0);
      assert.equal(content.failures[0].code, 'REFUSED', protocol);
    }
  });
});

function open() {
  // Nothing is ever lost on loopback, but on a busy machine much is late.
  const client = new TrackerClient({ udpPatience: { firstMs: 500, attempts: 3 } });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close(200) });
}

/** Debian's opentracker, which serves IPv4 and the contents of a list. `await using` ends it. */
interface TestOpentracker extends AsyncDisposable {
  readonly port: number;
}

async function startOpentracker(infoHashes: readonly Uint8Array[]): Promise<TestOpentracker> {
  const folder = await temporaryFolder();
  // Started as root it goes on as somebody who may read little.
  await chmod(folder.path, 0o755);
  const hashes = infoHashes.map((infoHash) => `${formatInfoHash(infoHash)}\n`).join('');
  await writeFile(join(folder.path, 'whitelist.txt'), hashes, { mode: 0o644 });
  const port = await freePort();
  const where = ['-i', '127.0.0.1', '-p', `${port}`, '-P', `${port}`];
  const process = new RunningProcess(findProgram('opentracker')!, [
    ...where,
    ...['-d', folder.path, '-u', 'nobody', '-w', 'whitelist.txt'],
  ]);
  const dispose = async () => {
    await process[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  try {
    // The list is read after it began to listen.
    await process.until('opentracker serves', () => serves(port, infoHashes.at(-1)!));
    return { port, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function serves(port: number, infoHash: Uint8Array): Promise<boolean> {
  const query = `info_hash=${percentEncode(infoHash)}&peer_id=-SB0001-000000000000&port=1&left=1&event=stopped`;
  const reply = await fetch(`http://127.0.0.1:${port}/announce?${query}`);
  return (await reply.text()).includes('8:interval');
}

/** It cannot choose one itself and say which. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
