// Limits as people write them: MiB a second. Pure, so that it can be tested.

const MIB = 1024 * 1024;
/** As in the API: a slower one would end conversations. */
const MIN_BYTES = 1024;

export function limitText(bytesPerSecond: number | null): string {
  return bytesPerSecond === null ? '' : String(Math.round((bytesPerSecond / MIB) * 1_000) / 1_000);
}

/** Bytes a second; null is no limit, undefined what is no number or too small. */
export function readLimit(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (!/^\d+([.,]\d+)?$/.test(trimmed)) return undefined;
  const bytes = Math.round(Number(trimmed.replace(',', '.')) * MIB);
  return bytes >= MIN_BYTES && Number.isSafeInteger(bytes) ? bytes : undefined;
}
