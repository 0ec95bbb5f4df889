/**
 * How smoothly the pages of a peer move with many downloads: frames a second in a real Chromium, while ten updates a second come
 * in. `npm run bench:pages -- --help` explains the options, README.md the figures.
 */
import { parseArgs } from 'node:util';
import { browserMissing, type Page, TestBrowser } from '../test/browser/browser.ts';
import { describeMachine, machineLine } from './machine.ts';
import { positive, runBenchmark, UsageError } from './options.ts';
import { madeUpPeer } from './pages/made-up-peer.ts';
import { aligned, format } from './table.ts';

/** The project's target. */
const LEAST_FRAMES_PER_SECOND = 50;
/** Loading is not counted, nor what is compiled with the first events. */
const SETTLE_MS = 2_500;

const HELP = `usage: npm run bench:pages -- [options]

  --downloads N   downloads that all move on ten times a second (default 200)
  --pieces N      pieces of the one whose map is shown (default 50000)
  --seconds N     for how long frames are counted on each page (default 10)
  --json          one JSON object instead of the table

It needs Chromium (apt-get install chromium) and the built pages (npm run build:web).`;

interface Frames {
  readonly page: string;
  readonly framesPerSecond: number;
  /** Between two frames, milliseconds. */
  readonly p99Ms: number;
  readonly longestMs: number;
}

await runBenchmark(async () => {
  const { values } = parseArgs({
    options: {
      downloads: { type: 'string', default: '200' },
      pieces: { type: 'string', default: '50000' },
      seconds: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (browserMissing) throw new UsageError(browserMissing);
  const downloads = positive('--downloads', values.downloads);
  const pieces = positive('--pieces', values.pieces);
  const seconds = positive('--seconds', values.seconds);

  await using peer = await madeUpPeer({ downloads, pieces });
  await using browser = await TestBrowser.start();
  const scenes = [
    [`${downloads} downloads`, '/'],
    [`a map of ${pieces} pieces`, `/downloads/${peer.sha1}`],
  ] as const;
  const results: Frames[] = [];
  for (const [page, path] of scenes) {
    await browser.visit(peer.url + path, { still: false }, async (tab) => {
      await tab.getByText('A film that somebody made').first().waitFor();
      await tab.waitForTimeout(SETTLE_MS);
      results.push({ page, ...(await countFrames(tab, seconds)) });
    });
  }
  if (values.json) console.log(JSON.stringify({ machine: describeMachine(), downloads, pieces, seconds, results }));
  else console.log(asText(results).join('\n'));
  return 0;
});

/** Times of frames, as the page itself is told of them. */
async function countFrames(tab: Page, seconds: number): Promise<Omit<Frames, 'page'>> {
  const times = (await tab.evaluate(
    `new Promise((resolve) => {
      const times = [];
      const frame = (time) => {
        times.push(time);
        if (time - times[0] < ${seconds * 1_000}) requestAnimationFrame(frame);
        else resolve(times);
      };
      requestAnimationFrame(frame);
    })`,
  )) as number[];
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  const sorted = gaps.toSorted((a, b) => a - b);
  return {
    framesPerSecond: (1_000 * gaps.length) / (times[times.length - 1] - times[0]),
    p99Ms: sorted[Math.floor(0.99 * (sorted.length - 1))],
    longestMs: sorted[sorted.length - 1],
  };
}

function asText(results: readonly Frames[]): string[] {
  const rows = results.map(({ page, framesPerSecond, p99Ms, longestMs }) => [
    page,
    framesPerSecond >= LEAST_FRAMES_PER_SECOND ? 'met' : 'MISSED',
    format(framesPerSecond, 1),
    `${format(p99Ms, 0)} ms`,
    `${format(longestMs, 0)} ms`,
  ]);
  const heads = ['page', `at least ${LEAST_FRAMES_PER_SECOND}`, 'frames/s', '99 % within', 'longest'];
  return [machineLine(describeMachine()), '', ...aligned([heads, ...rows], 2)];
}
