import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

if (values.seed !== undefined) {
  const outcome = simulate({ seed: Number(values.seed), ...(values.trace ? { trace: console.log } : {}) });
  console.log(JSON.stringify(outcome));
  process.exitCode = outcome.failure === null ? 0 : 1;
} else {
  const from = Number(values.from);
  const seeds = Number(values.seeds);
  const startedAt = performance.now();
  let steps = 0;
  let acknowledged = 0;
  let failures = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const outcome = simulate({ seed });
    steps += outcome.steps;
    acknowledged += outcome.acknowledged;
    if (outcome.failure !== null) {
      failures++;
      console.log(`seed ${seed}: ${outcome.failure.check} at ${outcome.failure.atMs} ms: ${outcome.failure.message}`);
    }
  }
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `${seeds} seeds, ${failures} failures, ${steps} steps, ${acknowledged} acknowledged, ${(seeds / seconds).toFixed(1)} seeds/s`,
  );
}
