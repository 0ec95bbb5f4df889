import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CommandError } from './command-error.ts';
import { type Listening, ListeningSchema } from './listening-line.ts';

/** What an instance ended with. */
export interface InstanceEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it said itself, if it failed. */
  readonly error: CommandError | undefined;
}

export interface InstanceProcessOptions {
  readonly name: string;
  readonly dataDir: string;
  /** Of `tracker`, but for `--port` and `--json`. */
  readonly args: readonly string[];
  readonly port: number;
  /** Told what it prints on stderr, line by line, but for its last error. */
  readonly onLog: (line: string) => void;
}

const LAUNCHER = join(import.meta.dirname, '../../bin/swarmkeeper');
/** What `main.ts` prints on stderr comes as JSON too. */
const OWN_ERROR = 'swarmkeeper: ';

/** A `tracker` process. It stops when this process is gone, however that ended. */
export class InstanceProcess {
  readonly name: string;
  readonly dataDir: string;
  readonly pid: number;
  /**
   * The line that it prints when it serves.
   * @throws CommandError it ended before
   */
  readonly ready: Promise<Listening>;
  readonly ended: Promise<InstanceEnd>;
  listening: Listening | undefined;
  /** Set once it has ended. */
  end: InstanceEnd | undefined;
  readonly #child: ChildProcess;
  readonly #args: readonly string[];
  readonly #port: number;
  #error: CommandError | undefined;

  constructor({ name, dataDir, args, port, onLog }: InstanceProcessOptions) {
    this.name = name;
    this.dataDir = dataDir;
    this.#args = args;
    this.#port = port;
    // A session of its own: Ctrl-C in the terminal would reach all at once, and they are to stop one after the other.
    const child = spawn(
      process.execPath,
      [...process.execArgv, process.argv[1], 'tracker', ...args, '--port', String(port), '--json'],
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
    const port = this.listening?.clientPort ?? this.#port;
    return [LAUNCHER, 'tracker', ...this.#args, '--port', String(port)];
  }

  /** Sends it a signal, if it is still there. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #hear(line: string, ready: (listening: Listening) => void): void {
    const said = parseLine(line);
    if (said?.event === 'error') this.#error = new CommandError(String(said.code), String(said.message));
    const { data: listening } = ListeningSchema.safeParse(said);
    if (listening === undefined) return;
    this.listening = listening;
    ready(listening);
  }
}

export function howItEnded({ code, signal }: Pick<InstanceEnd, 'code' | 'signal'>): string {
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
