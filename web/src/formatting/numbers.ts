const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** With commas: `1,234,567`. */
export function formatCount(count: number): string {
  return WHOLE.format(count);
}

/** Short, for charts and tiles: `1.23M`. Exact up to 9,999. */
export function formatCompact(count: number): string {
  return Math.abs(count) < 10_000 ? formatNumber(count) : COMPACT.format(count);
}

/** `3 members`, `1 member`. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Of a share from 0 to 1. 100% means all, 0% nothing: what is between never rounds to them. */
export function formatPercent(share: number): string {
  if (share >= 1) return '100%';
  if (share <= 0) return '0%';
  return `${Math.min(99.9, Math.max(0.1, share * 100)).toFixed(1)}%`;
}

/** Whole, or with a decimal where it is small: `0.4`, `8.5`, `12`. */
function formatNumber(value: number): string {
  return Number.isInteger(value) || Math.abs(value) >= 10 ? formatCount(value) : value.toFixed(1);
}
