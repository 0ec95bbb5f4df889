import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CommandError, EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USAGE } from './command-error.ts';
import { contentsCommand } from './contents-command.ts';
import { keygenCommand } from './keygen-command.ts';
import { printJson } from './output.ts';
import { statusCommand } from './status-command.ts';
import { stepDownCommand } from './step-down-command.ts';
import { trackerCommand } from './tracker-command.ts';
import { upCommand } from './up-command.ts';

// A reader that closes the pipe has seen enough (`swarmkeeper contents | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT_DONE);
  throw error;
});
process.exitCode = await run(process.argv);

/** Runs the command that the arguments name and returns the exit code. */
async function run(argv: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(argv);
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, argv);
    report(error as Error & { code?: string }, argv);
    return EXIT_FAILED;
  }
}

function program(): Command {
  const main = new Command('swarmkeeper')
    .description('A BitTorrent tracker that survives the loss of any machine it runs on')
    .version(version())
    .addHelpText('after', '\nExample:\n  swarmkeeper up\n\nExit codes: 0 done, 1 failed, 2 wrong usage.');
  const commands = [
    upCommand(),
    trackerCommand(),
    statusCommand(),
    contentsCommand(),
    stepDownCommand(),
    keygenCommand(),
  ];
  for (const command of commands) main.addCommand(command);
  for (const command of [main, ...main.commands]) {
    command.exitOverride().showHelpAfterError(`(${helpCall(command)} shows what there is)`);
  }
  return main;
}

function helpCall(command: Command): string {
  return command.parent === null ? 'swarmkeeper --help' : `swarmkeeper ${command.name()} --help`;
}

/** The commander has already said it on stderr. */
function usageExit(error: CommanderError, argv: readonly string[]): number {
  if (error.exitCode === 0) return EXIT_DONE;
  if (wantsJson(argv)) {
    printJson({ event: 'error', code: 'WRONG_USAGE', message: error.message.replace(/^error: /, '') });
  }
  return EXIT_WRONG_USAGE;
}

function report(error: Error & { code?: string }, argv: readonly string[]): void {
  const code = typeof error.code === 'string' ? error.code : 'INTERNAL';
  // What has no code of ours or of the operating system was not foreseen: whoever reports it needs to say where.
  const foreseen = error instanceof CommandError || (code !== 'INTERNAL' && !code.startsWith('ERR_'));
  const text = foreseen ? error.message : error.stack;
  process.stderr.write(`swarmkeeper: ${text}\n`);
  if (wantsJson(argv)) printJson({ event: 'error', code, message: error.message });
}

/** Asked of the bare arguments, because wrong usage may keep them from being parsed. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.includes('--json');
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
