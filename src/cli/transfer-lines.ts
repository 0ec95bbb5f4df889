import type { ContentState } from '../peer/peer-content.ts';
import { printable } from './output.ts';
import { formatBytes } from './table.ts';
import { textWidth, toWidth } from './text-width.ts';

// How the progress of hashing, downloading and seeding looks on the lines of a terminal.

const BAR_CHARACTERS = 20;
const SHORTEST_NAME = 8;
const MS = 1_000;

/** What happens with one file, folder or content at this moment. Amounts in bytes, speeds in bytes a second. */
export interface Transfer {
  readonly name: string;
  /** `hashing`: a torrent is made of it. */
  readonly state: ContentState | 'hashing';
  /** Why it is paused, when nobody asked for it. */
  readonly reason: string | undefined;
  /** Hashed so far, or there and verified. */
  readonly done: number;
  readonly total: number;
  readonly downSpeed: number;
  readonly upSpeed: number;
  /** Sent since the start. */
  readonly sent: number;
  readonly peers: number;
}

/**
 * One line for each, and one for all of several. Where there is room for fewer, those in which something happens come first,
 * and the last line says how many are left out.
 * @param rows how many lines may be drawn
 */
export function transferLines(transfers: readonly Transfer[], columns: number, rows: number): string[] {
  const summary = transfers.length > 1 ? [summaryLine(transfers)] : [];
  const room = Math.max(1, rows - summary.length);
  const isAll = transfers.length <= room;
  const shown = isAll ? transfers : [...transfers].sort((a, b) => rank(a) - rank(b)).slice(0, room - 1);
  const left = isAll ? [] : [`and ${transfers.length - shown.length} more`];
  const texts = shown.map(transferText);
  const nameRoom = Math.max(SHORTEST_NAME, columns - 2 - Math.max(0, ...texts.map(textWidth)));
  const names = shown.map(({ name }) => printable(name));
  const nameWidth = Math.min(nameRoom, Math.max(0, ...names.map(textWidth)));
  const lines = texts.map((text, i) => `${toWidth(names[i], nameWidth)}  ${text}`);
  return [...lines, ...left, ...summary].map((line) => cutTo(line, columns));
}

/** Those that wait for something come after those that move, and those that are complete last. */
function rank({ state, downSpeed, upSpeed }: Transfer): number {
  if (state === 'hashing' || state === 'checking') return 0;
  if (state === 'downloading') return downSpeed >= 1 ? 0 : 1;
  if (state === 'paused') return 1;
  if (state === 'metadata') return 2;
  return upSpeed >= 1 ? 1 : 3;
}

function transferText(transfer: Transfer): string {
  const { state, reason, done, total, downSpeed, upSpeed, sent } = transfer;
  const peers = `${transfer.peers} ${transfer.peers === 1 ? 'peer' : 'peers'}`;
  if (state === 'paused') return reason === undefined ? 'paused' : `paused: ${printable(reason)}`;
  if (state === 'metadata') return 'looking for peers that have it';
  if (state === 'seeding') return `sharing  ${rate(upSpeed)}  ${peers}  ${formatBytes(sent)} sent`;
  if (state === 'hashing' && total === 0) return 'looking at its files';
  const begin = `${bar(done, total)}  ${formatBytes(total).padStart(10)}`;
  if (state === 'hashing') return `${begin}  hashing  ${rate(downSpeed)}  ${leftText(total - done, downSpeed)}`;
  if (state === 'checking') return `${begin}  checking  ${rate(downSpeed)}  ${leftText(total - done, downSpeed)}`;
  const up = upSpeed < 1 ? '' : `  sending ${rate(upSpeed).trimStart()}`;
  return `${begin}  ${rate(downSpeed)}  ${peers}  ${leftText(total - done, downSpeed)}${up}`;
}

/** `12 contents: 3 downloading, 9 sharing  55.0 MiB/s  0 B/s sent  1:10 left`. */
function summaryLine(transfers: readonly Transfer[]): string {
  const counts = new Map<string, number>();
  let [down, up, left] = [0, 0, 0];
  for (const { state, done, total, downSpeed, upSpeed } of transfers) {
    counts.set(WORDS[state], (counts.get(WORDS[state]) ?? 0) + 1);
    if (state === 'downloading') {
      down += downSpeed;
      left += total - done;
    }
    up += upSpeed;
  }
  const what = [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
  const speeds = [
    ...(counts.has(WORDS.downloading) ? [`${rate(down).trimStart()} down`, leftText(left, down)] : []),
    ...(up >= 1 ? [`${rate(up).trimStart()} up`] : []),
  ];
  return [`${transfers.length} in all: ${what}`, ...speeds].join('  ');
}

const WORDS: Readonly<Record<Transfer['state'], string>> = {
  hashing: 'hashing',
  metadata: 'looking for peers',
  checking: 'checking',
  downloading: 'downloading',
  seeding: 'sharing',
  paused: 'paused',
};

function bar(done: number, total: number): string {
  const share = total === 0 ? 1 : done / total;
  const full = Math.floor(share * BAR_CHARACTERS);
  const percent = (Math.floor(share * 1_000) / 10).toFixed(1).padStart(5);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_CHARACTERS - full)}] ${percent}%`;
}

function rate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond < 1 ? 0 : Math.round(bytesPerSecond))}/s`.padStart(12);
}

function leftText(bytes: number, bytesPerSecond: number): string {
  if (bytes <= 0) return 'finishing';
  return bytesPerSecond < 1 ? 'waiting' : `${formatSeconds(bytes / bytesPerSecond)} left`;
}

/** `75` -> `1:15`, `3675` -> `1:01:15`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** The speed of something that is counted, over all of its time. */
export function averageRate(bytes: number, ms: number): number {
  return ms <= 0 ? 0 : (bytes * MS) / ms;
}

/** A line that is wrapped would be two. */
function cutTo(line: string, columns: number): string {
  return textWidth(line) <= columns ? line : toWidth(line, Math.max(1, columns));
}
