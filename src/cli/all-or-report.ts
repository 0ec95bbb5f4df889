import { CommandError } from './command-error.ts';

/**
 * Waits for all. When one of several fails, the others go on, and it is reported at once.
 * @throws what the only one failed with; CommandError SOME_FAILED
 */
export async function allOrReport(
  jobs: readonly (() => Promise<void>)[],
  report: (error: Error & { code?: string }) => void,
): Promise<void> {
  if (jobs.length === 1) return await jobs[0]();
  let failed = 0;
  await Promise.all(
    jobs.map((job) =>
      job().catch((error: Error) => {
        failed++;
        report(error);
      }),
    ),
  );
  if (failed > 0)
    throw new CommandError('SOME_FAILED', `${failed} of ${jobs.length} failed; the messages above say why`);
}
