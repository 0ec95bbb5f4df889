import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { announceContents } from '../harness/announce-contents.ts';
import { startCluster } from '../harness/start-cluster.ts';
import { startSwarmkeeper } from '../harness/start-swarmkeeper.ts';
import { newInfoHash } from '../harness/udp-client.ts';
import { assertAccessible, browserMissing, type Page, TestBrowser } from './browser.ts';

/** Compressed bytes of everything that a page asks for before it shows something. */
const FIRST_LOAD_BYTES = 150_000;
const WIDTHS = { phone: 390, tablet: 820, desk: 1_440 };

describe('the pages of the cluster', { skip: browserMissing }, () => {
  let browser: TestBrowser;
  before(async () => {
    browser = await TestBrowser.start();
  });
  after(() => browser[Symbol.asyncDispose]());

  test('come with a strict policy, and nothing inline', async () => {
    await using instance = await startSwarmkeeper();
    for (const path of ['/', '/contents', '/settings']) {
      const response = await fetch(instance.url + path, { headers: { accept: 'text/html' } });
      const policy = response.headers.get('content-security-policy') ?? '';
      const rules = new Map(policy.split('; ').map((rule) => [rule.split(' ')[0], rule.split(' ').slice(1)]));
      assert.deepEqual(rules.get('default-src'), ["'none'"]);
      assert.deepEqual(rules.get('script-src'), ["'self'"]);
      assert.deepEqual(rules.get('style-src'), ["'self'"]);
      assert.deepEqual(rules.get('connect-src')?.[0], "'self'");
      assert.doesNotMatch(policy, /unsafe|\*|https?:(?!\/\/)/);
      const html = await response.text();
      for (const [, attributes, content] of html.matchAll(/<script\b([^>]*)>([^<]*)<\/script>/g)) {
        assert.match(attributes, / src="\/[^"]+"/);
        assert.equal(content.trim(), '');
      }
      assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|javascript:/i);
    }
  });

  test(`load with at most ${FIRST_LOAD_BYTES} bytes, compressed as they really come`, async () => {
    await using instance = await startSwarmkeeper();
    for (const path of ['/', '/contents', '/settings']) {
      await browser.visit('about:blank', { servers: [instance.url] }, async (page) => {
        let bytes = 0;
        const assets: string[] = [];
        const session = await page.context().newCDPSession(page);
        await session.send('Network.enable');
        const urls = new Map<string, string>();
        session.on('Network.responseReceived', ({ requestId, response }) => {
          urls.set(requestId, response.url);
        });
        // As they came over the network, with their headers. Streams of events never finish.
        session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
          bytes += encodedDataLength;
          assets.push(`${urls.get(requestId)} ${encodedDataLength}`);
        });
        await page.goto(instance.url + path, { waitUntil: 'load' });
        await page.getByRole('heading', { level: 1 }).waitFor();
        assert.ok(assets.length >= 3, 'the page, scripts and styles were counted');
        assert.ok(bytes <= FIRST_LOAD_BYTES, `${bytes} bytes: ${assets.join(', ')}`);
      });
    }
  });

  test('are all reached with the keyboard, from the first element on', async () => {
    await using instance = await startSwarmkeeper();
    await browser.visit(instance.url, {}, async (page) => {
      await page.getByRole('heading', { level: 1 }).waitFor();
      const focused = () =>
        page.evaluate("document.activeElement.textContent.trim() + ' ' + document.activeElement.tagName");
      await page.keyboard.press('Tab');
      assert.match(String(await focused()), /to the content A/i);
      for (const [link, heading] of [
        ['Contents', 'Contents'],
        ['Settings', 'Settings'],
      ] as const) {
        for (let presses = 0; !String(await focused()).startsWith(link); presses++) {
          assert.ok(presses < 60, `${link} is reached`);
          await page.keyboard.press('Tab');
        }
        const outline = await page.evaluate(
          "(() => { const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement); return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none'; })()",
        );
        assert.ok(outline, `where the focus is can be seen on ${link}`);
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      }
    });
  });

  test('are accessible in both themes at three widths, and nothing sticks out', async () => {
    await using cluster = await startCluster();
    const [dead] = await cluster.slaves();
    const watched = cluster.instances.find((each) => each !== dead)!;
    const content = { infoHash: newInfoHash(), name: 'A film.mkv', size: 700_000_000 };
    const others = Array.from({ length: 60 }, (_, i) => ({
      infoHash: newInfoHash(),
      name: `${i} `.repeat(40),
      size: i,
    }));
    await announceContents((await cluster.master()).clientPort, [content, ...others]);
    const sha1 = Buffer.from(content.infoHash).toString('hex');
    await fetch(`${watched.url}/api/v1/admission/allow`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sha1s: [sha1] }),
    });
    // So that there is something to warn of.
    await dead.stop('SIGKILL');
    const shows: [path: string, shown: (page: Page) => Promise<void>][] = [
      ['/', (page) => page.getByText(`${dead.listening.name} cannot be heard`).waitFor()],
      ['/contents', (page) => page.getByRole('table').getByRole('link').first().waitFor()],
      [`/contents/${sha1}`, (page) => page.getByText('127.0.0.1:6881').first().waitFor()],
      ['/settings', (page) => page.getByRole('table').getByText(sha1).waitFor()],
    ];
    const servers = cluster.instances.map(({ url }) => url);
    for (const theme of ['light', 'dark'] as const) {
      for (const [device, width] of Object.entries(WIDTHS)) {
        await browser.visit(watched.url, { theme, width, servers, serversMayGo: true }, async (page) => {
          for (const [path, shown] of shows) {
            await page.goto(watched.url + path);
            await shown(page);
            await assertAccessible(page, `${path} in ${theme} on a ${device}`);
            const wide = await page.evaluate(
              'document.documentElement.scrollWidth - document.documentElement.clientWidth',
            );
            assert.ok(Number(wide) <= 0, `${path} is ${wide} pixels wider than a ${device}`);
          }
        });
      }
    }
  });
});
