import { type Entry, entryBytes, heldBytes } from './entry.ts';
import { invariant } from './invariant.ts';
import type { SnapshotMeta } from './messages.ts';

/** What the next `persist` must do to the log on disk. */
export interface Unsaved {
  readonly truncateFrom: number | null;
  readonly entries: readonly Entry[];
}

/**
 * The log after its base, in memory, and how much of it is on disk.
 *
 * The seam to the disk: memory holds the whole log from the trim point on, so the host is never asked for an entry; it
 * hands in what it stored once, at start. What is below the trim point travels as a snapshot. Trimming keeps both bounded.
 */
export class RaftLog {
  /** The entry before the first one held: the last one inside the snapshot. base.index <= commit always. */
  base: SnapshotMeta;
  /** entries[i].index === base.index + 1 + i, and terms never fall. */
  private entries: Entry[];
  /** Size of `entries`, by `heldBytes`. */
  bytes = 0;
  /** Entries up to here are on this member's disk, exactly as in memory. durable <= handedOver <= last. */
  durable: number;
  /** Entries up to here were handed to the host, in order. */
  private handedOver: number;
  /** The last entry of the `persist` under way that is still part of the log; null: none under way. */
  private underWay: number | null = null;
  /** The disk still holds entries from here on that the log dropped. */
  private truncation: number | null = null;

  constructor(base: SnapshotMeta, entries: readonly Entry[]) {
    this.base = base;
    this.entries = [];
    for (const entry of entries) this.push(entry);
    this.durable = this.last;
    this.handedOver = this.last;
  }

  get last(): number {
    return this.base.index + this.entries.length;
  }

  get lastTerm(): number {
    return this.entries.length > 0 ? this.entries[this.entries.length - 1].term : this.base.term;
  }

  /** The term of the entry at `index`; null: the log does not reach there, at either end. */
  termAt(index: number): number | null {
    if (index === this.base.index) return this.base.term;
    if (index < this.base.index || index > this.last) return null;
    return this.entries[index - this.base.index - 1].term;
  }

  /** The entry at `index`, which the log must hold. */
  entry(index: number): Entry {
    invariant(
      index > this.base.index && index <= this.last,
      `entry ${index} is not in (${this.base.index}, ${this.last}]`,
    );
    return this.entries[index - this.base.index - 1];
  }

  /** Entries [from, to], at most `maxBytes` of them, but at least one. */
  slice(from: number, to: number, maxBytes = Number.POSITIVE_INFINITY): Entry[] {
    invariant(from > this.base.index, `entry ${from} was trimmed, the log starts after ${this.base.index}`);
    const start = from - this.base.index - 1;
    const end = Math.min(to, this.last) - this.base.index;
    if (maxBytes === Number.POSITIVE_INFINITY) return this.entries.slice(start, end);
    let bytes = 0;
    let stop = start;
    while (stop < end) {
      bytes += entryBytes(this.entries[stop]);
      if (bytes > maxBytes && stop > start) break;
      stop++;
    }
    return this.entries.slice(start, stop);
  }

  append(entry: Entry): void {
    invariant(entry.index === this.last + 1, `entry ${entry.index} does not follow ${this.last}`);
    this.push(entry);
  }

  /**
   * Takes over a master's entries after an entry that is known to match (Raft §5.3). Entries that are there already
   * stay, and so does everything behind them: the message may be older than what followed it. Only an entry of another
   * term at the same index proves that the rest is wrong, and removes it (rule 4).
   *
   * @returns the first index that was removed, or null.
   */
  reconcile(entries: readonly Entry[], commit: number): number | null {
    let removed: number | null = null;
    for (const entry of entries) {
      if (entry.index <= commit) continue; // committed here, hence the same there
      if (entry.index <= this.last) {
        if (this.termAt(entry.index) === entry.term) continue;
        this.truncate(entry.index, commit);
        removed = entry.index;
      }
      this.append(entry);
    }
    return removed;
  }

  /** The last index at or before `index` whose term is not above `term`: the logs cannot agree in between. */
  agreeingBefore(index: number, term: number): number {
    let at = Math.min(index, this.last);
    while (at > this.base.index && (this.termAt(at) as number) > term) at--;
    return at;
  }

  /** Everything the disk does not know yet, and counts it as handed over. */
  takeUnsaved(): Unsaved {
    const entries = this.handedOver < this.last ? this.slice(this.handedOver + 1, this.last) : [];
    const unsaved = { truncateFrom: this.truncation, entries };
    this.handedOver = this.last;
    this.truncation = null;
    this.underWay = this.last;
    return unsaved;
  }

  get hasUnsaved(): boolean {
    return this.handedOver < this.last || this.truncation !== null;
  }

  /** The `persist` under way is durable. What was truncated since then does not become durable by it. */
  saved(): void {
    invariant(this.underWay !== null, 'persisted without a persist under way');
    this.durable = Math.max(this.durable, this.underWay);
    this.underWay = null;
  }

  /**
   * The snapshot takes the place of everything up to meta.index. What follows is kept only if the entry at meta.index
   * is the snapshot's (Raft §7). Nothing at or below meta.index counts as durable until the next `saved`.
   *
   * @returns whether later entries were kept.
   */
  install(meta: SnapshotMeta): boolean {
    const keepLater = this.termAt(meta.index) === meta.term;
    const later = keepLater ? this.slice(meta.index + 1, this.last) : [];
    this.base = meta;
    this.entries = [];
    this.bytes = 0;
    for (const entry of later) this.push(entry);
    // The install is part of the next persist: a persist under way proves nothing about the new base.
    this.durable = Math.min(this.durable, meta.index - 1);
    if (this.underWay !== null) this.underWay = this.durable;
    if (keepLater) {
      this.handedOver = Math.max(this.handedOver, meta.index);
    } else {
      this.handedOver = meta.index;
      this.truncation = null;
    }
    return keepLater;
  }

  /** Forgets the entries up to `base.index`, which the state machine has on disk. */
  trim(base: SnapshotMeta): void {
    invariant(base.index <= this.durable, `trim to ${base.index} beyond the durable ${this.durable}`);
    const count = base.index - this.base.index;
    for (let i = 0; i < count; i++) this.bytes -= heldBytes(this.entries[i]);
    this.entries.splice(0, count);
    this.base = base;
  }

  protected truncate(from: number, commit: number): void {
    invariant(from > commit, `a master would remove entry ${from}, but ${commit} is committed`);
    while (this.last >= from) this.bytes -= heldBytes(this.entries.pop() as Entry);
    if (from <= this.handedOver) {
      this.truncation = Math.min(this.truncation ?? from, from);
      this.handedOver = from - 1;
      this.durable = Math.min(this.durable, from - 1);
      if (this.underWay !== null) this.underWay = Math.min(this.underWay, from - 1);
    }
  }

  private push(entry: Entry): void {
    this.entries.push(entry);
    this.bytes += heldBytes(entry);
  }
}
