/**
 * Strikes the master of a cluster again and again, and measures how long clients are without an answer; etcd beside it, in the
 * same run. `npm run bench:failover -- --help` explains the options, README.md the figures.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { watchOthers } from './cpu-use.ts';
import { probeDisk } from './disk.ts';
import { etcd, etcdTuned } from './failover/etcd.ts';
import { FAULTS, type Fault, type FaultName } from './failover/faults.ts';
import { asText, judge, problemsOf, type Results, rowsOf, type TrialOf } from './failover/report.ts';
import { swarmkeeper } from './failover/swarmkeeper.ts';
import type { System } from './failover/system.ts';
import { strike } from './failover/trial.ts';
import { describeMachine } from './machine.ts';
import { count, names, positive, runBenchmark } from './options.ts';

const SYSTEMS = { swarmkeeper, etcd, 'etcd-tuned': etcdTuned };
const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

/** A rival is struck half as often, because it takes so much longer. */
const RIVAL_SHARE = 0.5;

const HELP = `usage: npm run bench:failover -- [options]

  --systems NAMES   comma-separated: ${Object.keys(SYSTEMS).join(', ')} (default: all)
  --faults NAMES    comma-separated: ${FAULT_NAMES.join(', ')} (default: all)
  --kills N         how often the master is killed (default 30); rivals half as often
  --others N        how often each other fault strikes (default 10); rivals half as often
  --rounds N        interleaved rounds among which these are divided (default 2)
  --data DIR        where databases live; must be a disk (default bench/build)
  --json            one JSON object instead of the table

example: npm run bench:failover -- --systems swarmkeeper --faults kill --kills 10 --rounds 1`;

function parse() {
  const { values } = parseArgs({
    options: {
      systems: { type: 'string', default: Object.keys(SYSTEMS).join(',') },
      faults: { type: 'string', default: FAULT_NAMES.join(',') },
      kills: { type: 'string', default: '30' },
      others: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '2' },
      data: { type: 'string', default: join(import.meta.dirname, 'build') },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    systems: names('--systems', values.systems, Object.keys(SYSTEMS) as (keyof typeof SYSTEMS)[]),
    faults: names<FaultName>('--faults', values.faults, FAULT_NAMES),
    kills: count('--kills', values.kills),
    others: count('--others', values.others),
    rounds: positive('--rounds', values.rounds),
    data: resolve(values.data),
    json: values.json,
    help: values.help,
  };
}

type Options = ReturnType<typeof parse>;

/** The faults of one system in one round, mixed evenly. */
function schedule(system: System, round: number, { faults, kills, others, rounds }: Options): Fault[] {
  const share = system === swarmkeeper ? 1 : RIVAL_SHARE;
  return faults
    .flatMap((name) => {
      const all = Math.ceil((name === 'kill' ? kills : others) * share);
      const now = Math.floor((all * round) / rounds) - Math.floor((all * (round - 1)) / rounds);
      return Array.from({ length: now }, (_, i) => ({ fault: FAULTS[name], place: (i + 0.5) / now }));
    })
    .sort((a, b) => a.place - b.place)
    .map(({ fault }) => fault);
}

async function run(options: Options): Promise<Results> {
  const directory = join(options.data, `data-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  try {
    const disk = probeDisk(directory);
    const others = watchOthers();
    const trials: TrialOf[] = [];
    const problems: string[] = [];
    for (let round = 1; round <= options.rounds; round++) {
      for (const system of options.systems.map((name) => SYSTEMS[name])) {
        const faults = schedule(system, round, options);
        console.error(`round ${round} of ${options.rounds}: ${system.name}, ${faults.length} faults`);
        try {
          await strikeAll(system, faults, join(directory, `${system.name}-${round}`), trials);
        } catch (error) {
          problems.push(`${system.name}: ${error instanceof Error ? error.message : error}`);
        }
      }
    }
    const rows = rowsOf(trials);
    problems.push(...trials.flatMap(problemsOf));
    return { machine: describeMachine(), disk, trials, rows, verdicts: judge(rows), problems, others: others() };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Adds what was measured to `trials`; at the first failure it ends. */
async function strikeAll(system: System, faults: readonly Fault[], directory: string, trials: TrialOf[]) {
  const running = await system.start(directory);
  try {
    for (const fault of faults) trials.push({ system: system.name, ...(await strike(running, fault)) });
  } finally {
    await running.close();
  }
}

async function main(): Promise<number> {
  const options = parse();
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const results = await run(options);
  console.log(options.json ? JSON.stringify(results) : asText(results));
  return results.problems.length === 0 ? 0 : 1;
}

await runBenchmark(main);
