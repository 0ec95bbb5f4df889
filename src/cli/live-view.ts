import type { WriteStream } from 'node:tty';
import { clusterJson } from '../api/cluster-json.ts';
import type { Tracker, TrackerMetrics } from '../tracker/tracker.ts';
import { clusterLines } from './status-command.ts';

const REDRAW_MS = 1_000;
const DEFAULT_ROWS = 24;
const DEFAULT_COLUMNS = 80;

/** Draws the cluster's state under what was printed so far, again each second. Returns the way to stop it. */
export function startLiveView(tracker: Tracker, terminal: WriteStream): () => void {
  let drawnLines = 0;
  let before = { metrics: tracker.metrics(), atMs: performance.now() };

  function draw(): void {
    const now = { metrics: tracker.metrics(), atMs: performance.now() };
    const lines = viewLines(tracker, before.metrics, now.metrics, now.atMs - before.atMs);
    // What does not fit on the screen could not be drawn over. A terminal may not know its size.
    const rows = terminal.rows || DEFAULT_ROWS;
    const columns = terminal.columns || DEFAULT_COLUMNS;
    const fitting = lines.slice(0, rows - 1).map((line) => line.slice(0, columns - 1));
    terminal.moveCursor(0, -drawnLines);
    terminal.cursorTo(0);
    terminal.clearScreenDown();
    terminal.write(`${fitting.join('\n')}\n`);
    drawnLines = fitting.length;
    before = now;
  }

  draw();
  const timer = setInterval(draw, REDRAW_MS);
  return () => clearInterval(timer);
}

/** What the view says; rates are over the time since the metrics before. */
export function viewLines(tracker: Tracker, before: TrackerMetrics, now: TrackerMetrics, elapsedMs: number): string[] {
  const announces = announcesOf(now) - announcesOf(before);
  const perSecond = elapsedMs > 0 ? Math.round((announces * 1_000) / elapsedMs) : 0;
  return [
    '',
    ...clusterLines(clusterJson(tracker.status())),
    '',
    `contents ${now.swarms}  peers ${now.peers}, ${now.seeders} of them seeders  announces ${announcesOf(now)}, ${perSecond} a second`,
  ];
}

function announcesOf({ counters }: TrackerMetrics): number {
  return counters.udpAnnounces + counters.httpAnnounces;
}
