/**
 * Measures Swarmkeeper's tracker beside others, in one run on one machine, and says what the project's targets make of
 * it. `npm run bench -- --help` explains the options, README.md the figures.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { LOAD_CPU } from './cpus.ts';
import { probeDisk } from './disk.ts';
import { describeMachine } from './machine.ts';
import { type Measurement, measure, PARTS, type Part } from './measure.ts';
import { names, positive, runBenchmark, UsageError } from './options.ts';
import { asText, problemsOf, type Results } from './report.ts';
import { bittorrentTracker } from './rivals/bittorrent-tracker.ts';
import { echo } from './rivals/echo.ts';
import { opentracker } from './rivals/opentracker.ts';
import { swarmkeeper } from './swarmkeeper.ts';
import { judge, type Round } from './verdict.ts';

const SERVERS = { swarmkeeper, opentracker, 'bittorrent-tracker': bittorrentTracker, echo };

const HELP = `usage: npm run bench -- [options]

  --only PARTS      comma-separated: ${PARTS.join(', ')} (default: all; arrivals always run)
  --servers NAMES   comma-separated: ${Object.keys(SERVERS).join(', ')} (default: all)
  --peers N         peers to register (default 1000000; bittorrent-tracker at most ${bittorrentTracker.maxPeers})
  --rounds N        interleaved rounds (default 3)
  --seconds S       of each measurement (default 5)
  --data DIR        where databases live; must be a disk (default bench/build)
  --json            one JSON object instead of the table

example: npm run bench -- --only steady --servers swarmkeeper,echo --peers 100000 --rounds 1`;

function parse() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: PARTS.join(',') },
      servers: { type: 'string', default: Object.keys(SERVERS).join(',') },
      peers: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      data: { type: 'string', default: join(import.meta.dirname, 'build') },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    parts: new Set(names<Part>('--only', values.only, PARTS)),
    servers: names('--servers', values.servers, Object.keys(SERVERS) as (keyof typeof SERVERS)[]),
    peers: positive('--peers', values.peers),
    rounds: positive('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    data: resolve(values.data),
    json: values.json,
    help: values.help,
  };
}

async function run(options: ReturnType<typeof parse>): Promise<Results> {
  const directory = join(options.data, `data-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  try {
    const disk = probeDisk(directory);
    const rounds: Round[] = [];
    const problems: string[] = [];
    for (let number = 1; number <= options.rounds; number++) {
      const round = new Map<string, Measurement>();
      rounds.push(round);
      for (const server of options.servers.map((name) => SERVERS[name])) {
        console.error(`round ${number} of ${options.rounds}: ${server.name}`);
        try {
          const measurement = await measure(server, { ...options, directory });
          round.set(server.name, measurement);
          problems.push(...problemsOf(server.name, measurement));
        } catch (error) {
          problems.push(`${server.name}: ${error instanceof Error ? error.message : error}`);
        }
      }
    }
    return { machine: describeMachine(), disk, rounds, verdicts: judge(rounds), problems };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const options = parse();
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (cpus().length < 2) throw new UsageError('needs two processors: one for the server, one for the load');
  execFileSync('taskset', ['-apc', String(LOAD_CPU), String(process.pid)], { stdio: 'ignore' });
  const results = await run(options);
  if (options.json) {
    console.log(JSON.stringify({ ...results, rounds: results.rounds.map((round) => Object.fromEntries(round)) }));
  } else {
    console.log(asText(results));
  }
  return results.problems.length === 0 ? 0 : 1;
}

await runBenchmark(main);
