import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ZodType } from 'zod';
import { CommandError } from './command-error.ts';

/** What a command ended with. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it said itself, if it failed. */
  readonly error: CommandError | undefined;
}

export interface ChildCommandOptions<Listening> {
  readonly name: string;
  /** The command and its arguments, but for its port and `--json`. */
  readonly words: readonly string[];
  /** The option of the port that others know it by. */
  readonly portOption: string;
  readonly port: number;
  /** Of the line that it prints when it serves. */
  readonly listeningSchema: ZodType<Listening>;
  /** The port that it took, of that line. */
  readonly portOf: (listening: Listening) => number;
  /** Told what it prints on stderr, line by line, but for its last error. */
  readonly onLog: (line: string) => void;
}

const LAUNCHER = join(import.meta.dirname, '../../bin/swarmkeeper');
/** What `main.ts` prints on stderr comes as JSON too. */
const OWN_ERROR = 'swarmkeeper: ';
/** It gets so long to stop; then it is killed. */
const STOP_MS = 10_000;

/** A command of this program as a process of its own. It stops when this process is gone, however that ended. */
export class ChildCommand<Listening> {
  readonly name: string;
  readonly pid: number;
  /**
   * The line that it prints when it serves.
   * @throws CommandError it ended before
   */
  readonly ready: Promise<Listening>;
  readonly ended: Promise<ChildEnd>;
  listening: Listening | undefined;
  /** Set once it has ended. */
  end: ChildEnd | undefined;
  readonly #child: ChildProcess;
  readonly #options: ChildCommandOptions<Listening>;
  #error: CommandError | undefined;

  constructor(options: ChildCommandOptions<Listening>) {
    const { name, words, portOption, port, onLog } = options;
    this.name = name;
    this.#options = options;
    // A session of its own: Ctrl-C in the terminal would reach all at once, and they are to stop one after the other.
    const child = spawn(
      process.execPath,
      [...process.execArgv, process.argv[1], ...words, portOption, String(port), '--json'],
      { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true },
    );
    if (child.pid === undefined) throw new CommandError('NOT_STARTED', `${process.execPath} cannot be started`);
    this.#child = child;
    this.pid = child.pid;
    const ready = Promise.withResolvers<Listening>();
    createInterface({ input: child.stdout! }).on('line', (line) => this.#hear(line, ready.resolve));
    createInterface({ input: child.stderr! }).on('line', (line) => {
      if (!line.startsWith(OWN_ERROR)) onLog(line);
    });
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.end = { code, signal, error: this.#error };
      ready.reject(this.#error ?? new CommandError('NOT_STARTED', `${name} ended ${howItEnded(this.end)}`));
      return this.end;
    });
    this.ready = ready.promise;
    // Whoever waits for it hears of it; nobody has to.
    this.ready.catch(() => {});
  }

  /** What starts it again by hand, on the port that its clients know. */
  get commandLine(): readonly string[] {
    const { words, portOption, port, portOf } = this.#options;
    const known = this.listening === undefined ? port : portOf(this.listening);
    return [LAUNCHER, ...words, portOption, String(known)];
  }

  /** Sends it a signal, if it is still there. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it, by force where it does not answer. */
  async stop(): Promise<void> {
    const force = setTimeout(() => this.kill('SIGKILL'), STOP_MS);
    this.kill('SIGTERM');
    await this.ended;
    clearTimeout(force);
  }

  #hear(line: string, ready: (listening: Listening) => void): void {
    const said = parseLine(line);
    if (said?.event === 'error') this.#error = new CommandError(String(said.code), String(said.message));
    const { data: listening } = this.#options.listeningSchema.safeParse(said);
    if (listening === undefined) return;
    this.listening = listening;
    ready(listening);
  }
}

export function howItEnded({ code, signal }: Pick<ChildEnd, 'code' | 'signal'>): string {
  return signal === null ? `with exit code ${code}` : `by ${signal}`;
}

/** As a shell reads it. */
export function formatCommand(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}

function parseLine(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
