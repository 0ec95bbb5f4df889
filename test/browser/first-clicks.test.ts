import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SwarmkeeperProcess, temporaryFolder } from '../harness/start-swarmkeeper.ts';
import { formatGroup, testNetwork } from '../harness/test-network.ts';
import { waitFor } from '../harness/wait-for.ts';
import { assertAccessible, browserMissing, TestBrowser } from './browser.ts';

describe('what `npm start` runs', { skip: browserMissing }, () => {
  let browser: TestBrowser;
  before(async () => {
    browser = await TestBrowser.start();
  });
  after(() => browser[Symbol.asyncDispose]());

  test('shares and downloads in two clicks each, from the address that it prints', async () => {
    await using folder = await temporaryFolder();
    const network = testNetwork();
    const group = ['--group', formatGroup(network.group)];
    const ports = ['--port', '0', '--peer-port', '0'];
    await using up = new SwarmkeeperProcess([
      ...['up', '--peer', '--instances', '1', ...ports, '--data', join(folder.path, 'here')],
      ...network.args,
    ]);
    const [, pages] = await up.until('it says where its pages are', () => /^pages: ([^\s,]+)/m.exec(up.stdout));
    const [, peer] = await up.until('it says where its peer is', () => /^share and download: (\S+)/m.exec(up.stdout));

    // Somebody else in the network, who shares too.
    const theirs = join(folder.path, 'theirs.txt');
    await writeFile(theirs, 'what somebody else has');
    const asPeer = [...group, '--interface', '127.0.0.1', '--host', '127.0.0.1', '--data', join(folder.path, 'there')];
    await using other = new SwarmkeeperProcess(['share', ...asPeer, '--json', theirs]);
    await other.until('it shares', () => other.jsonLines.find(({ event }) => event === 'seeding'));

    await browser.visit(pages, { servers: [peer] }, async (page) => {
      await assertAccessible(page);
      await page.getByRole('link', { name: 'Share a file' }).click();
      const chooser = page.waitForEvent('filechooser');
      await page.getByRole('button', { name: 'Choose files' }).click();
      const mine = { name: 'mine.txt', mimeType: 'text/plain', buffer: Buffer.from('what is shared first') };
      await (await chooser).setFiles(mine);
      await page.getByRole('link', { name: 'mine.txt' }).waitFor();

      await page.goto(`${pages}contents`);
      await page.getByRole('link', { name: 'mine.txt', exact: true }).waitFor();
      await page.getByRole('link', { name: 'Download theirs.txt' }).waitFor();
      await assertAccessible(page);
      await page.goto(pages);
      await page.getByRole('link', { name: 'Download' }).click();
      await page.getByRole('button', { name: 'Download theirs.txt' }).click();
      await page.getByRole('link', { name: 'Sharing: show theirs.txt' }).waitFor();
    });
    const got = join(folder.path, 'here', 'peer', 'downloads', 'theirs.txt');
    assert.equal(await waitFor('the download', () => readFile(got, 'utf8')), 'what somebody else has');
  });
});
