import type { PeerContent } from '../peer/peer-content.ts';
import { LiveView } from './live-view.ts';
import { printable, printJson, printLine } from './output.ts';
import { averageRate, type Transfer, transferLines } from './transfer-lines.ts';

const DRAW_MS = 500;
const REPORT_MS = 1_000;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

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
  readonly #rows = new Set<() => Transfer>();
  readonly #contents = new Set<PeerContent>();
  /** What was said last of each content that is shared. */
  readonly #told = new Map<string, string>();
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
    const row = () => {
      const downSpeed = averageRate(done, performance.now() - startedMs);
      return { ...NOTHING, name, state: 'hashing', done, total, downSpeed } as const;
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
    this.#rows.add(() => transferOf(content));
  }

  /** Says so when a content that others get from here is given up, for what is wrong with its files. */
  watch(content: PeerContent): void {
    const { sha1 } = content;
    content.on((event) => {
      if (event.type !== 'state' || event.state !== 'paused' || event.reason === undefined) return;
      if (this.#json) printJson({ event: 'paused', sha1, reason: event.reason });
      const name = printable(content.name ?? sha1);
      this.warn(`${name} is not shared any more: ${event.reason}; then start this command again`);
    });
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
    const { columns, rows } = process.stdout;
    const transfers = [...this.#rows].map((row) => row());
    // The last row of the screen stays free, for the cursor.
    this.#live?.show(transferLines(transfers, columns || DEFAULT_COLUMNS, (rows || DEFAULT_ROWS) - 1));
  }

  #report(): void {
    for (const content of this.#contents) {
      const { sha1 } = content;
      const transfer = transferOf(content);
      const { state, done, total, downSpeed, peers } = transfer;
      if (state === 'seeding') this.#reportSharing(sha1, transfer);
      if (state !== 'downloading' && state !== 'checking') continue;
      printJson({
        event: state === 'downloading' ? 'progress' : 'checking',
        sha1,
        bytes: done,
        size: total,
        bytesPerSecond: Math.round(downSpeed),
        ...(state === 'downloading' ? { peers } : {}),
      });
    }
  }

  /** Once a second while something is sent, and once more when nothing is. */
  #reportSharing(sha1: string, { sent, upSpeed, peers }: Transfer): void {
    const bytesPerSecond = Math.round(upSpeed);
    const line = JSON.stringify([sent, bytesPerSecond, peers]);
    if (sent === 0 || this.#told.get(sha1) === line) return;
    this.#told.set(sha1, line);
    printJson({ event: 'sharing', sha1, sent, bytesPerSecond, peers });
  }
}

const NOTHING = { reason: undefined, done: 0, total: 0, downSpeed: 0, upSpeed: 0, sent: 0, peers: 0 } as const;

function transferOf(content: PeerContent): Transfer {
  const { sha1, name = sha1, state, reason, download } = content;
  if (!download) return { ...NOTHING, name, state, reason };
  const now = download.now();
  const isChecked = state === 'checking';
  const { bytesToCheck, checkMeter } = download;
  return {
    name,
    state,
    reason,
    done: isChecked ? checkMeter.total : download.bytesDone,
    total: isChecked ? bytesToCheck : download.info.size,
    downSpeed: (isChecked ? checkMeter : download.downMeter).bytesPerSecond(now),
    upSpeed: download.upMeter.bytesPerSecond(now),
    sent: download.upMeter.total,
    peers: download.sessions.size,
  };
}
