import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CommandError, EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USAGE } from './command-error.ts';
import { printJson } from './output.ts';

/** The commands, in the order of the help. Only the one that was called is loaded: an instance should start at once. */
const COMMANDS = {
  up: async () => (await import('./up-command.ts')).upCommand(),
  tracker: async () => (await import('./tracker-command.ts')).trackerCommand(),
  status: async () => (await import('./status-command.ts')).statusCommand(),
  contents: async () => (await import('./contents-command.ts')).contentsCommand(),
  share: async () => (await import('./share-command.ts')).shareCommand(),
  get: async () => (await import('./get-command.ts')).getCommand(),
  peer: async () => (await import('./peer-command.ts')).peerCommand(),
  'step-down': async () => (await import('./step-down-command.ts')).stepDownCommand(),
  keygen: async () => (await import('./keygen-command.ts')).keygenCommand(),
} satisfies Record<string, () => Promise<Command>>;

// A reader that closes the pipe has seen enough (`swarmkeeper contents | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT_DONE);
  throw error;
});
process.exitCode = await run(process.argv);

/** Runs the command that the arguments name and returns the exit code. */
async function run(argv: readonly string[]): Promise<number> {
  try {
    const called = Object.entries(COMMANDS).filter(([name]) => name === argv[2]);
    await (await program(called.length > 0 ? called : Object.entries(COMMANDS))).parseAsync(argv);
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error, argv);
    report(error as Error & { code?: string }, argv);
    return EXIT_FAILED;
  }
}

async function program(loads: readonly [string, () => Promise<Command>][]): Promise<Command> {
  const main = new Command('swarmkeeper')
    .description('A BitTorrent tracker that survives the loss of any machine it runs on')
    .version(version())
    .addHelpText('after', '\nExample:\n  swarmkeeper up\n\nExit codes: 0 done, 1 failed, 2 wrong usage.');
  for (const [, load] of loads) main.addCommand(await load());
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
