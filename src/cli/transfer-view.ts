import type { PeerContent } from '../peer/peer-content.ts';
import { LiveView } from './live-view.ts';
import { printJson, printLine } from './output.ts';
import { averageRate, contentLine, hashingLine } from './transfer-lines.ts';

const DRAW_MS = 500;
const REPORT_MS = 1_000;
const DEFAULT_COLUMNS = 80;

/** A file or folder that is being hashed, for the view. */
export interface HashingRow {
  progress(done: number, total: number): void;
  end(): void;
}

/**
 * What a peer is doing, for who watches: lines that change on a terminal, a line of JSON a second for programs, and
 * nothing but what is worth keeping for a file or a pipe.
 */
export class TransferView {
  readonly #json: boolean;
  readonly #live: LiveView | undefined;
  readonly #rows = new Set<(columns: number) => string>();
  readonly #contents = new Set<PeerContent>();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(json: boolean) {
    this.#json = json;
    this.#live = json || !process.stdout.isTTY ? undefined : new LiveView(process.stdout);
    if (this.#live) this.#timer = setInterval(() => this.#draw(), DRAW_MS);
    else if (json) this.#timer = setInterval(() => this.#report(), REPORT_MS);
  }

  hashing(name: string): HashingRow {
    const startedMs = performance.now();
    let [done, total] = [0, 0];
    const row = (columns: number) => {
      const bytesPerSecond = averageRate(done, performance.now() - startedMs);
      return hashingLine({ name, done, total, bytesPerSecond }, columns);
    };
    this.#rows.add(row);
    return {
      progress: (...now) => {
        [done, total] = now;
      },
      end: () => this.#rows.delete(row),
    };
  }

  show(content: PeerContent): void {
    if (this.#contents.has(content)) return;
    this.#contents.add(content);
    this.#rows.add((columns) => contentLine(content, columns));
  }

  /** Lines that stay, or, for programs, one object. */
  say(lines: readonly string[], json: object): void {
    if (this.#json) printJson(json);
    else for (const line of lines) this.#live ? this.#live.print(line) : printLine(line);
  }

  /** What should not stay unknown; for people only. */
  warn(message: string): void {
    this.#live?.show([]);
    process.stderr.write(`swarmkeeper: ${message}\n`);
  }

  /** Takes away what changes. */
  close(): void {
    clearInterval(this.#timer);
    this.#live?.show([]);
  }

  #draw(): void {
    const columns = process.stdout.columns || DEFAULT_COLUMNS;
    this.#live?.show([...this.#rows].map((row) => row(columns)));
  }

  #report(): void {
    for (const { sha1, state, download } of this.#contents) {
      if (state !== 'downloading' || !download) continue;
      printJson({
        event: 'progress',
        sha1,
        bytes: download.bytesDone,
        size: download.info.size,
        bytesPerSecond: Math.round(download.downMeter.bytesPerSecond(download.now())),
        peers: download.sessions.size,
      });
    }
  }
}
