import type { WriteStream } from 'node:tty';
import { clusterLines, clusterWarnings } from './cluster-lines.ts';
import type { ClusterView, MemberRow } from './cluster-watch.ts';
import { printable } from './output.ts';
import type { Column } from './table.ts';
import { textWidth } from './text-width.ts';

const DEFAULT_ROWS = 24;
const DEFAULT_COLUMNS = 80;

/** An instance that ended, and the line for a shell that starts it again. */
export interface DeadInstance {
  readonly name: string;
  readonly command: string;
}

/** Draws the cluster's state under what was printed so far, over what it drew before. */
export class LiveView {
  readonly #terminal: WriteStream;
  #lines: readonly string[] = [];
  #drawnRows = 0;

  constructor(terminal: WriteStream) {
    this.#terminal = terminal;
  }

  show(lines: readonly string[]): void {
    this.#lines = lines;
    this.#atOnce(() => {
      this.#erase();
      this.#draw();
    });
  }

  /** A line that stays, above the view. */
  print(line: string): void {
    this.#atOnce(() => {
      this.#erase();
      this.#terminal.write(`${line}\n`);
      this.#draw();
    });
  }

  /** In one write: what is erased and drawn again would flicker. */
  #atOnce(write: () => void): void {
    this.#terminal.cork();
    write();
    this.#terminal.uncork();
  }

  #erase(): void {
    this.#terminal.moveCursor(0, -this.#drawnRows);
    this.#terminal.cursorTo(0);
    this.#terminal.clearScreenDown();
  }

  #draw(): void {
    // A terminal may not know its size.
    const columns = this.#terminal.columns || DEFAULT_COLUMNS;
    let rowsLeft = (this.#terminal.rows || DEFAULT_ROWS) - 1;
    this.#drawnRows = 0;
    for (const line of this.#lines) {
      // A command that somebody may copy is wrapped by the terminal; what does not fit on the screen could not be erased.
      const rows = Math.max(1, Math.ceil(textWidth(line) / columns));
      if (rows > rowsLeft) break;
      this.#terminal.write(`${line}\n`);
      rowsLeft -= rows;
      this.#drawnRows += rows;
    }
  }
}

/** What the view says; rates are over the time since the view before. */
export function viewLines(
  before: ClusterView | undefined,
  now: ClusterView | undefined,
  dead: readonly DeadInstance[],
): string[] {
  const deadLines = dead.map(({ name, command }) => `${printable(name)} is dead; this starts it again: ${command}`);
  if (now === undefined) return ['', 'no instance answers', ...deadLines];
  const announces = before === undefined ? 0 : Math.max(0, now.announces - before.announces);
  const elapsedMs = before === undefined ? 0 : now.atMs - before.atMs;
  const perSecond = elapsedMs > 0 ? Math.round((announces * 1_000) / elapsedMs) : 0;
  return [
    '',
    ...clusterLines(now, [PID_COLUMN]),
    '',
    `contents ${now.contents}  peers ${now.peers}, ${now.seeders} of them seeders  announces ${now.announces}, ${perSecond} a second`,
    ...clusterWarnings(now).map((warning) => `warning: ${warning}`),
    ...deadLines,
  ];
}

const PID_COLUMN: Column<MemberRow> = {
  title: 'PID',
  align: 'right',
  cell: ({ pid }) => (pid === undefined ? '-' : String(pid)),
};
