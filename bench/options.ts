/** What the benchmarks share of reading their command lines, and of ending. */

export class UsageError extends Error {
  readonly code = 'BENCH_USAGE';
}

/** @throws UsageError when the list names anything else */
export function names<T extends string>(flag: string, list: string, known: readonly T[]): T[] {
  const chosen = list.split(',');
  const unknown = chosen.find((name) => !known.includes(name as T));
  if (unknown !== undefined) throw new UsageError(`${flag}: no '${unknown}'; choose among ${known.join(', ')}`);
  return chosen as T[];
}

/** @throws UsageError when it is no number above 0 */
export function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`${flag}: '${text}' is not a positive number`);
  return value;
}

/** @throws UsageError when it is no whole number of at least 0 */
export function count(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new UsageError(`${flag}: '${text}' is not a whole number`);
  return value;
}

/** Runs a benchmark; the exit code is what it returns, 1 when it failed, 2 when it was called wrongly. */
export async function runBenchmark(main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    console.error(`bench: ${message}`);
    process.exitCode = code === 'BENCH_USAGE' || code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
  }
}
