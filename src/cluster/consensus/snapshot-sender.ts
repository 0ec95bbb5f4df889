import type { ReadChunk } from './events.ts';
import type { MemberId } from './identity.ts';
import type { SnapshotAck } from './messages.ts';
import { type Progress, toProbe } from './progress.ts';
import type { State } from './state.ts';

/**
 * The master's side of a snapshot transfer: the host reads, the core sends, a window of chunks at a time, and goes back to
 * what was acknowledged when the acknowledgements stop. A lost connection therefore resumes where it broke.
 */
export class SnapshotSender {
  private readonly state: State;
  private lastTransfer = 0;

  constructor(state: State) {
    this.state = state;
  }

  begin(progress: Progress): void {
    this.lastTransfer++;
    toProbe(progress, progress.next);
    progress.state = 'snapshot';
    progress.transfer = {
      id: this.lastTransfer,
      meta: null,
      acked: 0,
      sent: 0,
      reading: false,
      finished: false,
      movedAt: this.state.now,
    };
    this.read(progress);
  }

  /** Called with every heartbeat. */
  tick(progress: Progress): void {
    const { transfer } = progress;
    const { now, timing } = this.state;
    if (transfer === null) return;
    if (transfer.meta === null) {
      this.read(progress); // unless the host is still making the snapshot
      return;
    }
    // Not to a member that is gone: it would cost the disk and the network, for nothing.
    if (now < transfer.movedAt + timing.resendMs || now > progress.heardAt + timing.electionMaxMs) return;
    if (transfer.meta.index < this.state.log.base.index) {
      // The log was trimmed past it meanwhile: what it would bring could not be continued.
      this.begin(progress);
      return;
    }
    transfer.movedAt = now;
    transfer.sent = transfer.acked;
    transfer.finished = false;
    transfer.reading = false;
    this.read(progress);
  }

  /** The host answered a read. */
  onRead(progress: Progress, transferId: number, chunk: ReadChunk | null): void {
    const { transfer } = progress;
    if (transfer === null || transfer.id !== transferId) return;
    if (chunk === null) {
      // The next heartbeat begins again with whatever is the newest then.
      Object.assign(transfer, { meta: null, acked: 0, sent: 0, finished: false, reading: false });
      return;
    }
    if (transfer.meta === null) transfer.meta = chunk.meta;
    // A read from before a resend comes too late: its place is past.
    if (transfer.meta.index !== chunk.meta.index || transfer.sent !== chunk.offset || transfer.finished) return;
    transfer.reading = false;
    transfer.movedAt = this.state.now;
    transfer.sent += chunk.data.length;
    transfer.finished = chunk.last;
    const { term, now } = this.state;
    this.state.sendDurably(progress.member, { type: 'snapshot-chunk', term, ...chunk, stamp: now });
    this.read(progress);
  }

  onAck(progress: Progress, message: SnapshotAck): void {
    const { transfer } = progress;
    if (transfer === null || transfer.meta === null || transfer.meta.index !== message.index) return;
    if (message.next === transfer.acked) return;
    transfer.movedAt = this.state.now;
    // Less than before: the member restarted and lost what it had put aside.
    const lost = message.next < transfer.acked;
    transfer.acked = message.next;
    if (lost || message.next > transfer.sent) {
      transfer.sent = message.next;
      transfer.finished = false;
      transfer.reading = false;
    }
    this.read(progress);
  }

  /** The newest snapshot index that some member still receives; the log must be kept from there on. */
  neededFrom(progress: Iterable<Progress>): number {
    let needed = Number.POSITIVE_INFINITY;
    for (const { transfer } of progress) {
      if (transfer !== null && transfer.meta !== null) needed = Math.min(needed, transfer.meta.index);
    }
    return needed;
  }

  private read({ member, transfer }: { member: MemberId; transfer: Progress['transfer'] }): void {
    const { snapshotChunkBytes, snapshotWindow } = this.state.limits;
    if (transfer === null || transfer.reading || transfer.finished) return;
    if (transfer.sent - transfer.acked >= snapshotChunkBytes * snapshotWindow) return;
    transfer.reading = true;
    this.state.emit({
      type: 'read-snapshot',
      to: member,
      transfer: transfer.id,
      index: transfer.meta === null ? null : transfer.meta.index,
      offset: transfer.sent,
      maxBytes: snapshotChunkBytes,
    });
  }
}
