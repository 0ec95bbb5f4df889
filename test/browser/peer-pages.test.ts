import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { PeerContentView } from '../../src/api/peer/peer-schemas.ts';
import { startCluster, type TestCluster } from '../harness/start-cluster.ts';
import type { SwarmkeeperProcess } from '../harness/start-swarmkeeper.ts';
import { waitFor } from '../harness/wait-for.ts';
import { Stage } from '../peer/stage.ts';
import { assertAccessible, browserMissing, PAGE_DEADLINE_MS, type Page, TestBrowser } from './browser.ts';

const MIB = 1024 * 1024;
/** KiB a second: what is downloaded takes long enough to be watched. */
const SLOWLY = ['--download-rate', '1500'];

let cluster: TestCluster;
let browser: TestBrowser;
before(async () => {
  if (browserMissing) return;
  cluster = await startCluster({ instances: 1 });
  browser = await TestBrowser.start();
});
after(async () => {
  await browser?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** A peer daemon, whose pages are at `url`. */
class PeerDaemon {
  readonly process: SwarmkeeperProcess;
  readonly url: string;
  readonly apiPort: number;

  static async start(stage: Stage, name: string, ...args: string[]): Promise<PeerDaemon> {
    const folders = ['--data', stage.path(name), '--downloads', stage.path(`${name}-downloads`)];
    const process = stage.run('peer', ...folders, '--api-port', '0', ...args);
    const { url, apiPort } = await process.until('it listens', () =>
      process.jsonLines.find(({ event }) => event === 'listening'),
    );
    return new PeerDaemon(process, url as string, apiPort as number);
  }

  private constructor(process: SwarmkeeperProcess, url: string, apiPort: number) {
    this.process = process;
    this.url = url;
    this.apiPort = apiPort;
  }

  async contents(): Promise<PeerContentView[]> {
    const reply = await fetch(`${this.url}api/v1/contents`);
    return ((await reply.json()) as { contents: PeerContentView[] }).contents;
  }

  /** Shares a path without a page; its sha1. */
  async share(path: string, name: string): Promise<string> {
    const reply = await fetch(`${this.url}api/v1/shares`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ path }),
    });
    assert.equal(reply.status, 202);
    return await waitFor(
      `${path} to be shared`,
      async () => (await this.contents()).find((each) => each.name === name && each.state === 'seeding')?.sha1,
    );
  }
}

/** Of the whole content, as a page shows it: 0 to 100. */
async function percentOf(page: Page): Promise<number> {
  return Number(await page.getByRole('progressbar', { name: 'Progress of the whole' }).getAttribute('aria-valuenow'));
}

test('A file is shared in one page and downloaded in another, and can be paused and resumed', {
  skip: browserMissing,
}, async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('film.mkv', 12 * MIB);
  const seeder = await PeerDaemon.start(stage, 'seeder');
  const leecher = await PeerDaemon.start(stage, 'leecher', ...SLOWLY);

  await browser.visit(seeder.url, {}, async (page) => {
    await page.getByRole('link', { name: 'Share files' }).click();
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Choose files' }).click();
    await (await chooser).setFiles(stage.path('film.mkv'));
    await page.getByText('Shared', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'film.mkv' }).click();
    await page.getByRole('heading', { name: 'film.mkv' }).waitFor();
    await page.getByRole('img', { name: /^Pieces of film\.mkv: all [\d,]+ are here/ }).waitFor();
  });

  await browser.visit(leecher.url, {}, async (page) => {
    await page.getByRole('link', { name: 'See what there is' }).click();
    await page.getByRole('button', { name: 'Download film.mkv' }).click();
    await page.getByRole('link', { name: /: show film\.mkv/ }).click();
    await page.getByText('Downloading', { exact: true }).waitFor();
    const first = await waitFor('the first percents', () => percentOf(page), PAGE_DEADLINE_MS);
    await waitFor('more of it', async () => (await percentOf(page)) > first, PAGE_DEADLINE_MS);
    await page.getByRole('img', { name: /^Pieces of film\.mkv: [\d,]+ of [\d,]+ here/ }).waitFor();
    await page.getByRole('table', { name: 'Peers of film.mkv that are connected' }).getByText('Swarmkeeper').waitFor();

    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Paused', { exact: true }).waitFor();
    const [{ bytesDone }] = await leecher.contents();
    await assertAccessible(page);
    const [{ state, bytesDone: later }] = await leecher.contents();
    assert.deepEqual([state, later], ['paused', bytesDone]);

    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByText('Sharing', { exact: true }).waitFor();
    assert.equal(await percentOf(page), 100);
    await page.getByRole('button', { name: 'Re-check' }).click();
    await page.getByText('Sharing', { exact: true }).waitFor();

    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('link', { name: 'See what there is' }).waitFor();
  });
  assert.deepEqual(await leecher.contents(), []);
  await stage.assertSame('film.mkv', 'leecher-downloads/film.mkv');
});

test('Files that are dropped are shared, whatever their names; a page shows names as text', {
  skip: browserMissing,
}, async (t) => {
  const stage = await Stage.open(t, cluster.network);
  const daemon = await PeerDaemon.start(stage, 'daemon');
  const names = [
    '<img src=x onerror=document.title=1>.txt',
    'תמונה של החתול.jpg',
    `${'n'.repeat(251)}.bin`,
    '"quoted" & <b>bold<b>',
  ];
  await browser.visit(`${daemon.url}share`, {}, async (page) => {
    const dropped = await page.evaluateHandle((names) => {
      const { DataTransfer, File } = globalThis as unknown as {
        DataTransfer: new () => { items: { add(file: object): void } };
        File: new (parts: string[], name: string) => object;
      };
      const data = new DataTransfer();
      for (const name of names) data.items.add(new File([`the bytes of ${name}`], name));
      return data;
    }, names);
    await page.getByRole('region', { name: 'Files to share' }).dispatchEvent('drop', { dataTransfer: dropped });
    for (const name of names) await page.getByRole('link', { name, exact: true }).waitFor();
    await assertAccessible(page);
    await page.getByRole('link', { name: names[0], exact: true }).click();
    await page.getByRole('heading', { name: names[0], exact: true }).waitFor();
    await assertAccessible(page);
    await page.getByRole('link', { name: '← Downloads' }).click();
    for (const name of names) await page.getByRole('link', { name, exact: true }).waitFor();
    await assertAccessible(page);
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Contents' }).click();
    for (const name of names) {
      await page.getByRole('searchbox', { name: 'Search the contents' }).fill(name);
      await page.getByRole('link', { name: `Sharing: show ${name}` }).waitFor();
    }
    assert.equal(await page.locator('main img').count(), 0);
    assert.equal(await page.title(), 'Contents · Swarmkeeper');
  });
  const shared = (await daemon.contents()).map(({ name, state }) => [name, state]);
  assert.deepEqual(shared.sort(), names.map((name) => [name, 'seeding']).sort());
});

test('What lies in the folder that may be shared from is chosen from a list, with the keyboard alone', {
  skip: browserMissing,
}, async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('open/albums/one/song.flac', 100_000);
  await stage.write('open/notes.txt', 100);
  const daemon = await PeerDaemon.start(stage, 'daemon', '--share-folder', stage.path('open'));
  await browser.visit(`${daemon.url}share`, {}, async (page) => {
    const press = async (name: string) => {
      const button = page.getByRole('button', { name, exact: true });
      await button.focus();
      await page.keyboard.press('Enter');
    };
    await press('albums');
    await page.getByRole('button', { name: 'one', exact: true }).waitFor();
    await assertAccessible(page);
    await press('Share one');
    await page.getByRole('link', { name: 'one', exact: true }).waitFor();
    await page.getByText('Shared', { exact: true }).waitFor();
    await press('All');
    await page.getByRole('button', { name: 'Share notes.txt' }).waitFor();
  });
  assert.deepEqual(
    (await daemon.contents()).map(({ name }) => name),
    ['one'],
  );
});

test('When the peer goes the page says so, and goes on when it is back', { skip: browserMissing }, async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('kept', 100_000);
  const first = await PeerDaemon.start(stage, 'daemon');
  await first.share(stage.path('kept'), 'kept');
  await browser.visit(first.url, { serversMayGo: true }, async (page) => {
    await page.getByText('Sharing', { exact: true }).first().waitFor();
    first.process.kill('SIGKILL');
    await first.process.ended();
    await page.getByText('The peer does not answer; this page tries again by itself').waitFor();
    await page.getByRole('link', { name: 'kept' }).waitFor();
    await PeerDaemon.start(stage, 'daemon', '--api-port', String(first.apiPort));
    await page.getByText('The peer does not answer; this page tries again by itself').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Pause kept' }).click();
    await page.getByRole('button', { name: 'Resume kept' }).waitFor();
  });
});

test('Torrent files and names are added by hand; what is wrong is said beside the field', {
  skip: browserMissing,
}, async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('by-name', 100_000);
  await stage.write('by-file', 100_000);
  const { shared } = await stage.share(stage.path('by-name'), stage.path('by-file'));
  const torrent = shared.find(({ name }) => name === 'by-file')!.torrent;
  const daemon = await PeerDaemon.start(stage, 'daemon');
  await browser.visit(daemon.url, { refusals: true }, async (page) => {
    const open = () => page.getByRole('button', { name: 'Add a download' }).click();
    await open();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox').fill('nothing of that name');
    await page.keyboard.press('Enter');
    await dialog.getByRole('alert').getByText('no content is called "nothing of that name"').waitFor();
    await assertAccessible(page);
    await dialog.getByRole('textbox').fill('by-name');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'by-name' }).waitFor();
    await page.getByText('Sharing', { exact: true }).waitFor();
    await page.getByRole('link', { name: '← Downloads' }).click();
    await open();
    const chooser = page.waitForEvent('filechooser');
    await dialog.getByRole('button', { name: 'Choose torrent files' }).click();
    await (await chooser).setFiles(torrent);
    await page.getByRole('heading', { name: 'by-file' }).waitFor();
    await page.getByText('Sharing', { exact: true }).waitFor();
  });
});

test('Limits are set in the page, and what was received is drawn', { skip: browserMissing }, async (t) => {
  const stage = await Stage.open(t, cluster.network);
  const daemon = await PeerDaemon.start(stage, 'daemon');
  await browser.visit(`${daemon.url}transfer`, {}, async (page) => {
    await page.getByRole('img', { name: /^Bytes a second\. Received: now 0 B\/s/ }).waitFor();
    const field = page.getByLabel('Receive at most (MiB/s)');
    await field.fill('much');
    await page.getByText('Give a number of MiB a second').waitFor();
    await field.fill('1.5');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('The limits hold from now on').waitFor();
    await assertAccessible(page);
  });
  const reply = await fetch(`${daemon.url}api/v1/peer`);
  assert.deepEqual(((await reply.json()) as { rates: object }).rates, { download: 1.5 * MIB, upload: null });
});

test('The pages are accessible in both themes and on a phone', { skip: browserMissing }, async (t) => {
  const stage = await Stage.open(t, cluster.network);
  await stage.write('audited/a', 200_000);
  await stage.write('audited/b', 0);
  const daemon = await PeerDaemon.start(stage, 'daemon');
  await browser.visit(daemon.url, {}, assertAccessible);
  const sha1 = await daemon.share(stage.path('audited'), 'audited');
  for (const path of ['', `downloads/${sha1}`, 'contents', 'share', 'transfer', 'nowhere']) {
    for (const options of [{ theme: 'dark' }, { theme: 'light', width: 390, height: 844 }] as const) {
      await browser.visit(daemon.url + path, options, async (page) => {
        await page.getByRole('heading', { level: 1 }).waitFor();
        await assertAccessible(page);
        const isTooWide = await page.evaluate(
          'document.documentElement.scrollWidth > document.documentElement.clientWidth',
        );
        assert.equal(isTooWide, false, `${path} is wider than the screen`);
      });
    }
  }
});
