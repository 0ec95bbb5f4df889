import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { announceContents } from '../harness/announce-contents.ts';
import { startSwarmkeeper } from '../harness/start-swarmkeeper.ts';
import { newInfoHash } from '../harness/udp-client.ts';
import { browserMissing, type Page, TestBrowser } from './browser.ts';

const sha1Of = (infoHash: Uint8Array) => Buffer.from(infoHash).toString('hex');
const contentOf = (name: string, size = 1_000) => ({ infoHash: newInfoHash(), name, size });

describe('the contents', { skip: browserMissing }, () => {
  let browser: TestBrowser;
  before(async () => {
    browser = await TestBrowser.start();
  });
  after(() => browser[Symbol.asyncDispose]());

  const table = (page: Page) => page.getByRole('table', { name: 'Contents of the cluster' });
  const search = (page: Page) => page.getByRole('searchbox', { name: 'Search the contents' });
  /** What the rows are called, from top to bottom. */
  const names = (page: Page) => table(page).getByRole('rowheader').allTextContents();

  test('one among 100,000 is found by a part of its name and by its sha1, and leads to its peers', async () => {
    await using instance = await startSwarmkeeper();
    const contents = Array.from({ length: 100_000 }, (_, i) => contentOf(`holiday ${i % 97} video ${i}`, i));
    const wanted = contentOf('The Needle.mkv', 4_000_000_000);
    contents.splice(54_321, 0, wanted);
    await announceContents(instance.clientPort, contents);
    await browser.visit(`${instance.url}/contents`, {}, async (page) => {
      await page.getByText('100,001').first().waitFor();
      await search(page).fill('needle');
      const link = table(page).getByRole('link', { name: 'The Needle.mkv' });
      await link.waitFor();
      await page.waitForFunction("document.querySelectorAll('tbody tr').length === 1");
      await search(page).fill(sha1Of(wanted.infoHash).slice(0, 12));
      await page.waitForURL(/search=[0-9a-f]{12}/);
      await link.waitFor();
      await link.click();
      await page.getByRole('heading', { name: 'The Needle.mkv' }).waitFor();
      await page.getByText('4,000,000,000 bytes').waitFor();
      await page.getByRole('table', { name: 'Peers of The Needle.mkv' }).getByText('127.0.0.1:6881').waitFor();
      await page.goBack();
      assert.equal(await search(page).inputValue(), sha1Of(wanted.infoHash).slice(0, 12), 'the address has the search');
    });
  });

  test('are sorted by the server in both directions, page by page', async () => {
    await using instance = await startSwarmkeeper();
    const contents = Array.from({ length: 120 }, (_, i) => contentOf(`film ${String(i).padStart(3, '0')}`, 1_000 * i));
    await announceContents(instance.clientPort, contents);
    await browser.visit(`${instance.url}/contents`, {}, async (page) => {
      await table(page).getByRole('button', { name: 'Name' }).click();
      await table(page).getByRole('link', { name: 'film 000' }).waitFor();
      const header = table(page).getByRole('columnheader', { name: 'Name' });
      assert.equal(await header.getAttribute('aria-sort'), 'ascending');
      assert.equal(await table(page).getAttribute('aria-rowcount'), '121', 'with the row of headers');
      await page.getByRole('button', { name: 'Next' }).click();
      await table(page).getByRole('link', { name: 'film 050' }).waitFor();
      await table(page).getByRole('button', { name: 'Name' }).click();
      await table(page).getByRole('link', { name: 'film 119' }).waitFor();
      assert.equal(await header.getAttribute('aria-sort'), 'descending');
      await table(page).getByRole('button', { name: 'Size' }).click();
      await page.waitForURL(/sort=size/);
      await table(page).getByRole('link', { name: 'film 119' }).waitFor();
    });
  });

  test('have names that are text, whatever is in them', async () => {
    await using instance = await startSwarmkeeper();
    const markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>&amp;';
    const rightToLeft = 'שלום עולם.mkv';
    const override = 'photo\u202egpj.exe';
    const long = 'x'.repeat(255);
    const all = [markup, rightToLeft, override, long, ' ', '"', "'; DROP TABLE SWARM; --"].map((name) =>
      contentOf(name),
    );
    await announceContents(instance.clientPort, all);
    await browser.visit(`${instance.url}/contents?sort=name`, {}, async (page) => {
      await table(page).getByText(markup).waitFor();
      assert.equal(await table(page).locator('img, script').count(), 0);
      const shown = await names(page);
      for (const name of [markup, rightToLeft, long, "'; DROP TABLE SWARM; --"]) {
        assert.ok(shown.includes(name), `${name} in ${shown.join(' | ')}`);
      }
      assert.ok(!shown.some((name) => name.includes('\u202e')), 'nothing turns the direction of what follows');
      const wide = await page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth');
      assert.ok(wide, 'the long name does not widen the page');
      for (const name of [markup, rightToLeft, long]) {
        await table(page).getByRole('link', { name }).click();
        await page.getByRole('heading', { level: 1, name }).waitFor();
        await page.goBack();
        await table(page).getByText(markup).waitFor();
      }
      assert.match(await page.title(), /Contents/);
    });
  });
});
