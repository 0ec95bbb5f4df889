import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../harness/start-cluster.ts';
import { browserMissing, type Page, TestBrowser } from './browser.ts';

describe('the overview', { skip: browserMissing }, () => {
  let browser: TestBrowser;
  before(async () => {
    browser = await TestBrowser.start();
  });
  after(() => browser[Symbol.asyncDispose]());

  /** The row of a member, by its name. */
  const row = (page: Page, name: string) =>
    page.getByRole('table', { name: 'Members of the cluster' }).getByRole('row', { name });
  const happened = (page: Page) => page.getByRole('region', { name: 'What happened to the cluster' });

  test('shows the election and the new master when the master is killed, without a reload', async () => {
    await using cluster = await startCluster();
    const master = await cluster.master();
    const [slave, other] = await cluster.slaves();
    const servers = cluster.instances.map(({ url }) => url);
    await browser.visit(slave.url, { servers, serversMayGo: true }, async (page) => {
      await row(page, master.listening.name).getByText('Master').waitFor();
      const mark = await page.evaluate('globalThis.mark = 1');
      assert.equal(mark, 1);
      await master.stop('SIGKILL');
      await row(page, master.listening.name).getByText('Dead').waitFor();
      await page.getByText(`${master.listening.name} cannot be heard`).waitFor();
      const next = await cluster.waitForMaster();
      assert.ok([slave, other].includes(next));
      await row(page, next.listening.name).getByText('Master').waitFor();
      const events = await happened(page).getByRole('listitem').allTextContents();
      const at = (text: RegExp) => {
        const found = events.findIndex((event) => text.test(event));
        assert.notEqual(found, -1, `${text} in ${events.join(' | ')}`);
        return found;
      };
      // The newest first.
      assert.ok(at(new RegExp(`${next.listening.name} is the master of term`)) < at(/no master.*the voters elect/i));
      at(new RegExp(`${master.listening.name} is not heard any more`));
      assert.equal(await page.evaluate('globalThis.mark'), 1, 'the page was not loaded again');
    });
  });

  test('shows a brand-new slave as it joins and is brought up to date', async () => {
    await using cluster = await startCluster();
    const servers = cluster.instances.map(({ url }) => url);
    await browser.visit(servers[0], { servers }, async (page) => {
      await row(page, 'instance-2').waitFor();
      await cluster.add();
      await row(page, 'instance-3').getByText('Learner').waitFor();
      await row(page, 'instance-3').getByText('Alive').waitFor();
      await happened(page).getByText('instance-3 has joined').waitFor();
    });
  });

  test('turns to another member when its own instance dies, says so, and comes back', async () => {
    await using cluster = await startCluster();
    const [own] = await cluster.slaves();
    const number = cluster.instances.indexOf(own);
    const servers = cluster.instances.map(({ url }) => url);
    const others = cluster.instances.filter((each) => each !== own);
    await browser.visit(own.url, { servers, serversMayGo: true }, async (page) => {
      const status = page.getByRole('banner').getByRole('status');
      await status.getByText(`Live from ${own.listening.name}`).waitFor();
      await own.stop('SIGKILL');
      await status.getByText(new RegExp(`(${others.map(({ listening }) => listening.name).join('|')})`)).waitFor();
      await row(page, own.listening.name).getByText('Dead').waitFor();
      await page.getByRole('link', { name: 'Contents' }).first().click();
      await page.getByRole('heading', { name: 'Contents' }).waitFor();
      await page.getByRole('link', { name: 'Overview' }).click();
      await cluster.restart(number);
      await row(page, own.listening.name).getByText('Alive').waitFor();
    });
  });

  test('says when nobody answers, and goes on when the servers are back', async () => {
    await using cluster = await startCluster({ instances: 1 });
    const [only] = cluster.instances;
    await browser.visit(only.url, { serversMayGo: true }, async (page) => {
      const status = page.getByRole('banner').getByRole('status');
      await status.getByText('Live from instance-0').waitFor();
      await only.stop('SIGKILL');
      await status.getByText('Live from').waitFor({ state: 'detached' });
      await cluster.restart(0);
      await status.getByText('Live from instance-0').waitFor();
      await row(page, 'instance-0').getByText('Master').waitFor();
    });
  });
});
