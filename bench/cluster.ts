/**
 * Measures a cluster of three instances on this machine beside a lone opentracker, in one run. `npm run bench:cluster -- --help`
 * explains the options, README.md the figures.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureCluster, PARTS, type Part } from './cluster/measure.ts';
import { asText, judge, type Measured, problemsOf, type Results } from './cluster/report.ts';
import { watchOthers } from './cpu-use.ts';
import { LOAD_CPU } from './cpus.ts';
import { probeDisk } from './disk.ts';
import { describeMachine } from './machine.ts';
import { measure, SWARM_SIZE } from './measure.ts';
import { names, positive, runBenchmark, UsageError } from './options.ts';
import { opentracker } from './rivals/opentracker.ts';

const HELP = `usage: npm run bench:cluster -- [options]

  --only PARTS      comma-separated: ${PARTS.join(', ')} (default: all; arrivals always run)
  --peers N         peers to register (default 1000000)
  --seconds S       of each steady measurement (default 5)
  --data DIR        where databases live; must be a disk (default bench/build)
  --json            one JSON object instead of the table

example: npm run bench:cluster -- --only join --peers 200000`;

function parse() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: PARTS.join(',') },
      peers: { type: 'string', default: '1000000' },
      seconds: { type: 'string', default: '5' },
      data: { type: 'string', default: join(import.meta.dirname, 'build') },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    parts: new Set(names<Part>('--only', values.only, PARTS)),
    peers: positive('--peers', values.peers),
    seconds: positive('--seconds', values.seconds),
    data: resolve(values.data),
    json: values.json,
    help: values.help,
  };
}

async function run({ parts, peers, seconds, data }: ReturnType<typeof parse>): Promise<Results> {
  const directory = join(data, `data-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  try {
    const disk = probeDisk(directory);
    const population = { peers, hashes: Math.max(1, Math.round(peers / SWARM_SIZE)) };
    const measured: Measured = { population };
    const failed: string[] = [];
    const attempt = async (name: string, part: () => Promise<void>) => {
      console.error(name);
      await part().catch((error) => failed.push(`${name}: ${error instanceof Error ? error.message : error}`));
    };
    const others = watchOthers();
    if (parts.has('steady')) {
      await attempt('opentracker', async () => {
        measured.opentracker = await measure(opentracker, { parts: new Set(['steady']), peers, seconds, directory });
      });
    }
    await attempt('three instances', async () => {
      measured.cluster = await measureCluster({ parts, population, seconds, directory });
    });
    const problems = [...failed, ...problemsOf(measured)];
    return { machine: describeMachine(), disk, ...measured, verdicts: judge(measured), problems, others: others() };
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
  if (cpus().length < 2) throw new UsageError('needs two processors');
  execFileSync('taskset', ['-apc', String(LOAD_CPU), String(process.pid)], { stdio: 'ignore' });
  const results = await run(options);
  console.log(options.json ? JSON.stringify(results) : asText(results));
  return results.problems.length === 0 ? 0 : 1;
}

await runBenchmark(main);
