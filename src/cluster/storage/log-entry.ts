/** An entry of the log. Indexes and terms are numbers here, exact to 2^53; the seam shows bigints. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: number;
  readonly batch: Uint8Array;
}
