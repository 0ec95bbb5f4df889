import type { HardState, Persist, Stored } from '../src/cluster/consensus/effects.ts';
import type { Entry } from '../src/cluster/consensus/entry.ts';
import type { MemberId } from '../src/cluster/consensus/identity.ts';
import type { Membership } from '../src/cluster/consensus/membership.ts';
import type { SnapshotMeta } from '../src/cluster/consensus/messages.ts';
import type { Random } from './random.ts';
import { decodeSnapshot, type Tables } from './state-machine.ts';

/** What a simulated member has on its disk, that is: what survives a crash. */
export class Disk {
  readonly member: MemberId;
  boot = 0;
  hardState: HardState = { term: 0, vote: null };
  base: SnapshotMeta;
  entries: Entry[] = [];
  /** The state machine as of its last checkpoint. */
  tables: Tables;
  /** Snapshots being received, by index. */
  readonly staged = new Map<number, Uint8Array>();

  constructor(member: MemberId, membership: Membership) {
    this.member = member;
    this.base = { index: 0, term: 0, membership };
    this.tables = { index: 0, term: 0, hash: 0, membership };
  }

  /** The same data folder, once more. */
  copy(): Disk {
    const copy = new Disk(this.member, this.base.membership);
    copy.boot = this.boot;
    copy.hardState = this.hardState;
    copy.base = this.base;
    copy.entries = [...this.entries];
    copy.tables = this.tables;
    return copy;
  }

  /** A finished fsync: all of it. */
  write(persist: Persist): void {
    this.writeParts(persist, persist.entries.length);
  }

  /**
   * A crash before the fsync finished. The disk may have nothing of it, everything, or a torn part: any prefix, in the
   * order in which the parts of a persist count.
   */
  crash(persist: Persist, random: Random): void {
    const luck = random.next();
    if (luck < 0.4) return;
    if (luck < 0.6) this.write(persist);
    else if (luck < 0.7 && persist.hardState !== null) this.hardState = persist.hardState;
    else this.writeParts(persist, random.integer(0, persist.entries.length));
  }

  trim(base: SnapshotMeta): void {
    this.entries = this.entries.filter((entry) => entry.index > base.index);
    this.base = base;
  }

  stored(): Stored {
    return { hardState: this.hardState, base: this.base, entries: this.entries, applied: this.tables.index };
  }

  /** The term of the stored entry at `index`; null if there is none. */
  termAt(index: number): number | null {
    if (index === this.base.index) return this.base.term;
    return this.entries[index - this.base.index - 1]?.term ?? null;
  }

  /** The membership that a restart would begin with. */
  get membership(): Membership {
    return this.entries.findLast((entry) => entry.membership !== null)?.membership ?? this.base.membership;
  }

  private writeParts(persist: Persist, count: number): void {
    const { hardState, truncateFrom, snapshot, entries } = persist;
    if (hardState !== null) this.hardState = hardState;
    if (truncateFrom !== null) this.entries = this.entries.filter((entry) => entry.index < truncateFrom);
    if (snapshot !== null) {
      const { meta, keepLater } = snapshot;
      const tables = decodeSnapshot(this.staged.get(meta.index) ?? new Uint8Array(0));
      if (tables === null) throw new Error(`the snapshot at ${meta.index} was never staged whole`);
      this.staged.delete(meta.index);
      this.tables = tables;
      this.entries = keepLater ? this.entries.filter((entry) => entry.index > meta.index) : [];
      this.base = meta;
    }
    for (let i = 0; i < count; i++) {
      if (entries[i].index !== this.base.index + this.entries.length + 1)
        throw new Error(`hole before ${entries[i].index}`);
      this.entries.push(entries[i]);
    }
  }
}
