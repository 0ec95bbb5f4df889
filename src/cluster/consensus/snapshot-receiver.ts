import type { StageOutcome } from './events.ts';
import type { Following } from './following.ts';
import type { SnapshotChunk, SnapshotMeta } from './messages.ts';
import type { State } from './state.ts';

/**
 * The receiving side of a snapshot transfer (rule 5). The host puts the pieces aside; only when all are there and their
 * checksum is right does one persist replace log, membership and state machine together. The acknowledgement is the
 * ordinary one for entries: up to the snapshot's index, when that persist is durable.
 */
export class SnapshotReceiver {
  protected readonly state: State;
  protected readonly following: Following;
  /** The snapshot being received; null: none. */
  private meta: SnapshotMeta | null = null;
  /** The next byte to hand to the host. */
  private expected = 0;
  /** The host has put aside everything before this byte. staged <= expected. */
  private staged = 0;

  constructor(state: State, following: Following) {
    this.state = state;
    this.following = following;
  }

  /** The message is of the current term's master. */
  onChunk(message: SnapshotChunk): void {
    const { meta, offset, data, last } = message;
    this.following.heardStamp(message.stamp);
    if (!this.wanted(meta)) {
      this.following.installed({ ...meta, index: Math.min(meta.index, this.state.commit) });
      this.following.acknowledge();
      return;
    }
    if (this.meta === null || this.meta.index !== meta.index || this.meta.term !== meta.term) {
      this.meta = meta;
      this.expected = 0;
      this.staged = 0;
    }
    if (offset !== this.expected) {
      this.acknowledge();
      return;
    }
    this.expected += data.length;
    this.state.emit({ type: 'stage-chunk', meta, offset, data, last });
  }

  onStaged(index: number, next: number, outcome: StageOutcome): void {
    const { meta } = this;
    if (meta === null || meta.index !== index) return;
    if (outcome === 'corrupt') {
      this.expected = 0;
      this.staged = 0;
      this.acknowledge();
      return;
    }
    this.staged = next;
    this.acknowledge();
    if (outcome === 'partial') return;
    this.meta = null;
    if (this.wanted(meta)) this.install(meta);
  }

  /** Rule 5: what is committed here is never replaced by something older. */
  protected wanted(meta: SnapshotMeta): boolean {
    return meta.index > this.state.commit;
  }

  protected install(meta: SnapshotMeta): void {
    const { state } = this;
    const keepLater = state.log.install(meta);
    state.membership.reset(meta.index, meta.membership, keepLater);
    state.commit = meta.index;
    state.applied = meta.index;
    state.durability.snapshotToInstall(meta, keepLater);
    this.following.installed(meta);
  }

  private acknowledge(): void {
    const { state, meta } = this;
    if (meta === null || state.master === null) return;
    this.state.sendDurably(state.master, {
      type: 'snapshot-ack',
      term: state.term,
      index: meta.index,
      next: this.staged,
    });
  }
}
