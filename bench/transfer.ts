/**
 * Measures Swarmkeeper's peers beside other clients in one run: who copies a GiB fastest. `npm run bench:transfer -- --help` explains
 * the options, README.md the figures.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { watchOthers } from './cpu-use.ts';
import { probeDisk } from './disk.ts';
import { describeMachine } from './machine.ts';
import { names, positive, runBenchmark } from './options.ts';
import { aria2 } from './transfer/aria2.ts';
import { type BenchContent, makeFile, makeSmall } from './transfer/content.ts';
import { copy } from './transfer/copy.ts';
import { libtorrent } from './transfer/libtorrent.ts';
import { enterPrivateNetwork } from './transfer/network.ts';
import { recheck } from './transfer/recheck.ts';
import { asText, judge, PARTS, type Part, type Results, type Round, type TransferPart } from './transfer/report.ts';
import { swarmkeeper } from './transfer/swarmkeeper.ts';
import { BenchTracker } from './transfer/tracker.ts';
import { transmission } from './transfer/transmission.ts';
import { Stage, type Trial } from './transfer/trial.ts';
import { installWebtorrent, webtorrent } from './transfer/webtorrent.ts';

const SYSTEMS = { swarmkeeper, libtorrent, aria2, webtorrent, transmission, copy };
type SystemName = keyof typeof SYSTEMS;
const ALL_SYSTEMS = Object.keys(SYSTEMS) as SystemName[];
const LEECHERS = 3;
const MIB = 2 ** 20;

const HELP = `usage: npm run bench:transfer -- [options]

  --only PARTS      comma-separated: ${PARTS.join(', ')} (default: all)
  --systems NAMES   comma-separated: ${ALL_SYSTEMS.join(', ')} (default: all)
  --mib N           size of the content in MiB (default 1024)
  --rounds N        interleaved rounds; medians are printed (default 3)
  --data DIR        where all files are; must be a disk (default bench/build)
  --json            one JSON object instead of the table

example: npm run bench:transfer -- --only own,recheck --systems swarmkeeper,libtorrent --rounds 1`;

function parse() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: PARTS.join(',') },
      systems: { type: 'string', default: ALL_SYSTEMS.join(',') },
      mib: { type: 'string', default: '1024' },
      rounds: { type: 'string', default: '3' },
      data: { type: 'string', default: join(import.meta.dirname, 'build') },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    parts: new Set(names<Part>('--only', values.only, PARTS)),
    systems: names<SystemName>('--systems', values.systems, ALL_SYSTEMS),
    bytes: positive('--mib', values.mib) * MIB,
    rounds: positive('--rounds', values.rounds),
    data: resolve(values.data),
    json: values.json,
    help: values.help,
  };
}

type Options = ReturnType<typeof parse>;

interface Contents {
  readonly big: BenchContent;
  /** For those to whom `big` is too big. */
  readonly lesser: ReadonlyMap<SystemName, BenchContent>;
  readonly small: BenchContent | undefined;
}

async function makeContents({ parts, systems, bytes }: Options, folder: string, trackerUrl: string): Promise<Contents> {
  const big = await makeFile(folder, bytes, trackerUrl);
  const lesser = new Map<SystemName, BenchContent>();
  for (const name of systems) {
    const { maxBytes } = SYSTEMS[name];
    if (maxBytes < bytes) lesser.set(name, await makeFile(folder, maxBytes, trackerUrl));
  }
  return { big, lesser, small: parts.has('small') ? await makeSmall(folder, bytes, trackerUrl) : undefined };
}

interface PlannedTrial {
  readonly part: TransferPart;
  readonly name: SystemName;
  readonly trial: Trial;
}

/** The transfers of one round: each part among all systems before the next part. */
function trials({ parts, systems }: Options, { big, lesser, small }: Contents): PlannedTrial[] {
  const ours = SYSTEMS.swarmkeeper;
  const plan = (part: TransferPart, trialOf: (name: SystemName) => Trial | undefined) =>
    systems.flatMap((name) => {
      const trial = parts.has(part) ? trialOf(name) : undefined;
      return trial ? [{ part, name, trial }] : [];
    });
  const among = (name: SystemName, leechers: number, content = lesser.get(name) ?? big): Trial => {
    const system = SYSTEMS[name];
    return { seeder: system, leecher: system, leechers, content };
  };
  const isRival = (name: SystemName) => name !== 'swarmkeeper' && !SYSTEMS[name].isLimit;
  const takesMany = (name: SystemName) => !lesser.has(name) && !SYSTEMS[name].isLimit;
  return [
    ...plan('own', (name) => among(name, 1)),
    ...plan('theirs', (name) => (isRival(name) ? { ...among(name, 1), leecher: ours } : undefined)),
    ...plan('three', (name) => among(name, LEECHERS)),
    ...plan('small', (name) => (takesMany(name) ? among(name, 1, small) : undefined)),
  ];
}

async function run(options: Options): Promise<Results> {
  const { parts, bytes, rounds: count, data } = options;
  const directory = join(data, `data-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  const tracker = await BenchTracker.open();
  try {
    const disk = probeDisk(directory);
    const contents = await makeContents(options, join(directory, 'content'), tracker.url);
    const stage = new Stage(directory, tracker);
    const rounds: Round[] = [];
    const problems: string[] = [];
    const attempt = async (what: string, act: () => Promise<void>) => {
      console.error(what);
      await act().catch((error) => problems.push(`${what}: ${error instanceof Error ? error.message : error}`));
    };
    const others = watchOthers();
    for (let number = 1; number <= count; number++) {
      const round: Round = { transfers: {} };
      rounds.push(round);
      for (const { part, name, trial } of trials(options, contents)) {
        await attempt(`round ${number} of ${count}: ${part}, ${name}`, async () => {
          const transfer = await stage.run(trial);
          round.transfers[part] = { ...round.transfers[part], [name]: transfer };
        });
      }
      if (parts.has('recheck')) {
        await attempt(`round ${number} of ${count}: recheck`, async () => {
          round.recheck = await recheck(directory, contents.big);
        });
      }
    }
    const verdicts = judge(rounds, bytes);
    return { machine: describeMachine(), disk, rounds, verdicts, problems, others: others() };
  } finally {
    await tracker.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const options = parse();
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (options.systems.includes('webtorrent')) installWebtorrent();
  enterPrivateNetwork();
  const results = await run(options);
  console.log(options.json ? JSON.stringify(results) : asText(results));
  return results.problems.length === 0 ? 0 : 1;
}

await runBenchmark(main);
