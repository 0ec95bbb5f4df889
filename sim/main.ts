import { parseArgs } from 'node:util';
import { BUGS } from './bugs.ts';
import { type Options, type Outcome, simulate } from './simulation.ts';

const USAGE = `Simulate clusters of the consensus core under faults, one per seed.

  npm run sim -- --seeds 10000            seeds 1 to 10000
  npm run sim -- --seed 42 --trace        one seed, with everything that happens
  npm run sim -- --bug NAME [--seeds N]   with a planted bug: how many seeds until it is found
  npm run sim -- --bugs                   every planted bug in turn, as a table

  --from N    first seed (default 1)
`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    bug: { type: 'string' },
    bugs: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const from = count('from', values.from);
if (values.help) console.log(USAGE);
else if (values.bugs) tableOfBugs(count('seeds', values.seeds ?? '5000'));
else if (values.seed !== undefined) one(count('seed', values.seed));
else if (values.bug !== undefined) hunt(values.bug, count('seeds', values.seeds ?? '5000'));
else many(count('seeds', values.seeds ?? '200'));

function one(seed: number): void {
  const trace = values.trace ? (line: string) => console.log(line) : null;
  const outcome = simulate({ seed, ...planted(values.bug), ...(trace === null ? {} : { trace }) });
  if (outcome.failure === null) console.log(`seed ${seed}: nothing wrong in ${outcome.steps} steps`);
  else fail(outcome);
}

function many(seeds: number): void {
  const startedAt = performance.now();
  let steps = 0;
  let acknowledged = 0;
  let failures = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const outcome = simulate({ seed });
    steps += outcome.steps;
    acknowledged += outcome.acknowledged;
    if (outcome.failure === null) continue;
    failures++;
    fail(outcome);
  }
  const perSecond = seeds / ((performance.now() - startedAt) / 1000);
  console.log(
    `${seeds} seeds, ${failures} failures, ${steps} steps, ${acknowledged} proposals acknowledged, ${perSecond.toFixed(1)} seeds/s`,
  );
}

function hunt(name: string, seeds: number): void {
  const found = firstFailure(name, seeds);
  if (found === null) {
    console.log(`${name}: not found in ${seeds} seeds`);
    process.exitCode = 1;
  } else {
    const { seed, failure } = found;
    console.log(
      `${name}: found by seed ${seed}, the ${seed - from + 1}th: ${failure?.message} (at ${failure?.atMs} ms)`,
    );
  }
}

function tableOfBugs(seeds: number): void {
  console.log('| bug | rule | what is wrong | seeds until found | found as |');
  console.log('|---|---|---|---|---|');
  for (const [name, { rule, what }] of Object.entries(BUGS)) {
    const found = firstFailure(name, seeds);
    if (found === null) process.exitCode = 1;
    const number = found === null ? `not in ${seeds}` : String(found.seed - from + 1);
    console.log(`| \`${name}\` | ${rule} | ${what} | ${number} | ${found?.failure?.check ?? '-'} |`);
  }
}

function firstFailure(name: string, seeds: number): Outcome | null {
  for (let seed = from; seed < from + seeds; seed++) {
    const outcome = simulate({ seed, ...planted(name) });
    if (outcome.failure !== null) return outcome;
  }
  return null;
}

function planted(name: string | undefined): Pick<Options, 'concerns' | 'wipedKeepsIdentity'> {
  if (name === undefined) return {};
  const bug = BUGS[name];
  if (bug === undefined) usage(`there is no bug named ${name}; there are ${Object.keys(BUGS).join(', ')}`);
  const { concerns = {}, wipedKeepsIdentity = false } = bug;
  return { concerns, wipedKeepsIdentity };
}

function fail({ seed, failure }: Outcome): void {
  const bug = values.bug === undefined ? '' : ` --bug ${values.bug}`;
  console.log(`seed ${seed} fails at ${failure?.atMs} ms: ${failure?.message}`);
  console.log(`  again: npm run sim -- --seed ${seed}${bug} --trace`);
  process.exitCode = 1;
}

function count(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) usage(`--${name} takes a whole number, not ${text}`);
  return number;
}

function usage(problem: string): never {
  console.error(`${problem}\n\n${USAGE}`);
  process.exit(2);
}
