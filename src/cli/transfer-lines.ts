import type { PeerContent } from '../peer/peer-content.ts';
import { printable } from './output.ts';
import { formatBytes } from './table.ts';

// How the progress of hashing, downloading and seeding looks on one line of a terminal.

const BAR_CHARACTERS = 20;
const SHORTEST_NAME = 8;
const MS = 1_000;

/** Bytes done, of how many. */
export interface HashingProgress {
  readonly name: string;
  readonly done: number;
  readonly total: number;
  readonly bytesPerSecond: number;
}

export function hashingLine({ name, done, total, bytesPerSecond }: HashingProgress, columns: number): string {
  return withName(
    name,
    `${bar(done, total)}  hashing  ${rate(bytesPerSecond)}  ${leftText(total - done, bytesPerSecond)}`,
    columns,
  );
}

/** What happens with a content at this moment. */
export function contentLine(content: PeerContent, columns: number): string {
  return withName(content.name ?? content.sha1, contentText(content), columns);
}

function contentText(content: PeerContent): string {
  const { download, state, reason } = content;
  if (state === 'paused') return reason === undefined ? 'paused' : `paused: ${printable(reason)}`;
  if (!download) return 'looking for peers that have it';
  const now = download.now();
  const { size } = download.info;
  const peers = `${download.sessions.size} ${download.sessions.size === 1 ? 'peer' : 'peers'}`;
  if (state === 'seeding') {
    return `seeding  ${rate(download.upMeter.bytesPerSecond(now))}  ${peers}  ${formatBytes(download.upMeter.total)} sent`;
  }
  if (state === 'checking') return `${bar(download.bytesDone, size)}  checking what is there`;
  const speed = download.downMeter.bytesPerSecond(now);
  return `${bar(download.bytesDone, size)}  ${rate(speed)}  ${peers}  ${leftText(size - download.bytesDone, speed)}`;
}

function bar(done: number, total: number): string {
  const share = total === 0 ? 1 : done / total;
  const full = Math.floor(share * BAR_CHARACTERS);
  const percent = (Math.floor(share * 1_000) / 10).toFixed(1).padStart(5);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_CHARACTERS - full)}] ${percent}%`;
}

function rate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond < 1 ? 0 : Math.round(bytesPerSecond))}/s`;
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

/** The name gives way, so that the line stays one. */
function withName(name: string, text: string, columns: number): string {
  const room = Math.max(SHORTEST_NAME, columns - text.length - 2);
  const shown = printable(name);
  const short = shown.length <= room ? shown : `${shown.slice(0, room - 1)}…`;
  return `${short}  ${text}`.slice(0, Math.max(1, columns));
}

/** The speed of something that is counted, over all of its time. */
export function averageRate(bytes: number, ms: number): number {
  return ms <= 0 ? 0 : (bytes * MS) / ms;
}
