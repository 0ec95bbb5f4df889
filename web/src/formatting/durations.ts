const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The two largest units: `45 s`, `2 min 5 s`, `3 h 10 min`, `12 d`. Below a second `0 s`. */
export function formatDuration(ms: number): string {
  const value = Math.max(0, ms);
  if (value < MINUTE) return `${Math.floor(value / SECOND)} s`;
  if (value < HOUR) return pair(value, MINUTE, 'min', SECOND, 's');
  if (value < DAY) return pair(value, HOUR, 'h', MINUTE, 'min');
  if (value < 10 * DAY) return pair(value, DAY, 'd', HOUR, 'h');
  return `${Math.floor(value / DAY)} d`;
}

/** One unit, as one says it: `just now`, `20 s ago`, `5 min ago`, `3 h ago`, `12 d ago`. */
export function formatAgo(ms: number): string {
  if (ms < 5 * SECOND) return 'just now';
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s ago`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} d ago`;
}

/** What was measured, from microseconds to seconds: `0.12 ms`, `4.5 ms`, `120 ms`, `3.2 s`. */
export function formatLatency(ms: number): string {
  if (ms === 0) return '0 ms';
  if (ms >= 999.5) return `${(ms / SECOND).toFixed(ms < 9_950 ? 1 : 0)} s`;
  return `${ms.toFixed(ms >= 9.95 ? 0 : ms >= 0.995 ? 1 : 2)} ms`;
}

function pair(value: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((value % large) / small);
  return `${Math.floor(value / large)} ${largeUnit}${rest > 0 ? ` ${rest} ${smallUnit}` : ''}`;
}
