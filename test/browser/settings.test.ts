import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../harness/start-cluster.ts';
import { startSwarmkeeper, temporaryFolder } from '../harness/start-swarmkeeper.ts';
import { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';
import { browserMissing, type Page, TestBrowser } from './browser.ts';

describe('the settings', { skip: browserMissing }, () => {
  let browser: TestBrowser;
  before(async () => {
    browser = await TestBrowser.start();
  });
  after(() => browser[Symbol.asyncDispose]());

  const admission = async (url: string, list: 'allow' | 'deny') =>
    (await (await fetch(`${url}/api/v1/admission?list=${list}`)).json()) as { mode: string; sha1s: string[] };
  const members = (page: Page) => page.getByRole('table', { name: /^Members/ });

  test('an admission list is edited, at any instance, and the mode is set', async () => {
    await using cluster = await startCluster();
    const [slave] = await cluster.slaves();
    const master = await cluster.master();
    const sha1 = Buffer.from(newInfoHash()).toString('hex');
    await browser.visit(`${slave.url}/settings`, { servers: cluster.instances.map(({ url }) => url) }, async (page) => {
      await page.getByRole('radio', { name: 'Deny-list', exact: true }).check({ force: true });
      await page.getByRole('textbox', { name: 'Put on the deny-list' }).fill(`${sha1.toUpperCase()} nonsense`);
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.getByText('“nonsense” is not the 40 hexadecimal digits of a sha1').waitFor();
      assert.deepEqual((await admission(master.url, 'deny')).sha1s, []);
      await page.getByRole('textbox', { name: 'Put on the deny-list' }).fill(sha1.toUpperCase());
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      const listed = page.getByRole('table', { name: 'The deny-list' }).getByText(sha1);
      await listed.waitFor();
      assert.deepEqual((await admission(master.url, 'deny')).sha1s, [sha1]);

      await page.getByRole('radio', { name: 'All but the deny-list' }).check({ force: true });
      await waitFor('the mode', async () => (await admission(master.url, 'deny')).mode === 'deny');
      await page.getByRole('button', { name: /^Take .* off the deny-list$/ }).click();
      await listed.waitFor({ state: 'detached' });
      assert.deepEqual((await admission(master.url, 'deny')).sha1s, []);
    });
  });

  test('the master steps down, and a dead member is taken out when another has caught up', async () => {
    await using cluster = await startCluster();
    const [slave, dead] = await cluster.slaves();
    const master = await cluster.master();
    const servers = cluster.instances.map(({ url }) => url);
    await browser.visit(`${slave.url}/settings`, { servers, serversMayGo: true }, async (page) => {
      await page.getByRole('button', { name: 'Master steps down' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Step down' }).click();
      await members(page).getByRole('row', { name: master.listening.name }).getByText('Slave').waitFor();
    });
    const next = await cluster.waitForMaster();
    assert.notEqual(next, master);
    const gone = next === dead ? master : dead;
    const watched = cluster.instances.find((each) => each !== gone && each !== next)!;
    await cluster.add();
    await gone.stop('SIGKILL');
    const api = new TrackerApi(watched);
    const id = (await api.cluster()).members.find(({ name }) => name === gone.listening.name)!.id;
    const options = { servers: cluster.instances.map(({ url }) => url), serversMayGo: true } as const;
    await browser.visit(`${watched.url}/settings`, options, async (page) => {
      const row = members(page).getByRole('row', { name: gone.listening.name });
      await row.getByText('Dead').waitFor();
      await waitFor('the newcomer to have caught up', async () => {
        if ((await row.count()) === 0) return true;
        await row.getByRole('button', { name: 'Remove' }).click();
        const dialog = page.getByRole('dialog');
        await dialog.getByRole('button', { name: 'Remove' }).click();
        await Promise.race([
          row.waitFor({ state: 'detached' }),
          dialog.getByText(/stop it first|start another instance first/).waitFor(),
        ]);
        if ((await row.count()) === 0) return true;
        await dialog.getByRole('button', { name: 'Cancel' }).click();
        return false;
      });
    });
    assert.ok(!(await api.cluster()).members.some((member) => member.id === id));
    assert.equal((await api.cluster()).members.filter(({ voter }) => voter).length, 3);
  });

  test('say how another instance is started, and that command joins the cluster', async () => {
    await using cluster = await startCluster();
    const [{ url }] = cluster.instances;
    await browser.visit(`${url}/settings`, { servers: cluster.instances.map((each) => each.url) }, async (page) => {
      await page.getByRole('button', { name: 'Add an instance' }).click();
      const command = await page.getByRole('dialog').locator('code').textContent();
      const words = command!.split(' ');
      assert.deepEqual(words.slice(0, 2), ['bin/swarmkeeper', 'tracker']);
      const value = (option: string) => words[words.indexOf(option) + 1];
      assert.equal(value('--name'), `${cluster.cluster}-4`);
      const { args } = cluster.network;
      for (const option of ['--cluster', '--group', '--member-group']) {
        assert.equal(value(option), args[args.indexOf(option) + 1]);
      }
      await using folder = await temporaryFolder();
      // Its own folder, and otherwise as it stands there.
      const own = words.slice(2).filter((_, i, rest) => rest[i] !== '--data' && rest[i - 1] !== '--data');
      await using newcomer = await startSwarmkeeper({ network: cluster.network, args: own, dataDir: folder.path });
      await members(page)
        .getByRole('row', { name: value('--name') })
        .waitFor();
      assert.equal(newcomer.listening.name, value('--name'));
    });
  });

  test('nothing can be changed from another machine without the token, and everything with it', async () => {
    await using folder = await temporaryFolder();
    const tokenFile = join(folder.path, 'token');
    const token = 'a-token-of-more-than-sixteen-characters';
    await writeFile(tokenFile, token, { mode: 0o600 });
    await using instance = await startSwarmkeeper({ args: ['--admin-token-file', tokenFile] });
    // As a reverse proxy says that it speaks for somebody elsewhere.
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    await browser.visit(`${instance.url}/settings`, { headers, refusals: true }, async (page) => {
      await page.getByText('Changes from another machine need the admin token').waitFor();
      for (const name of ['Master steps down', 'Add']) {
        assert.ok(await page.getByRole('button', { name, exact: true }).first().isDisabled(), name);
      }
      const status = await page.evaluate(
        "fetch('/api/v1/admission/mode', {method: 'PUT', headers: {'content-type': 'application/json'}, body: '{\"mode\":\"deny\"}'}).then(({status}) => status)",
      );
      assert.equal(status, 401);
      assert.equal((await admission(instance.url, 'deny')).mode, 'open');

      await page.getByLabel('Admin token').fill('wrong');
      await page.getByRole('button', { name: 'Use it' }).click();
      await page.getByText('That is not the admin token of this instance').waitFor();
      await page.getByLabel('Admin token').fill(token);
      await page.getByRole('button', { name: 'Use it' }).click();
      await page.getByText('You change this cluster with the admin token').waitFor();
      await page.getByRole('radio', { name: 'All but the deny-list' }).check({ force: true });
      await waitFor('the mode', async () => (await admission(instance.url, 'deny')).mode === 'deny');
    });
  });
});
