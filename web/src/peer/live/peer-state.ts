// What the events of a peer come to, as signals: whoever shows one content is drawn again when that one changes.

import { batch, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type {
  PeerChanges,
  PeerContentView,
  PeerSnapshot,
  PeerStatus,
  ShareView,
  TransferView,
} from '../../../../src/api/peer/peer-schemas.ts';

/** Kept for the chart: as many as a snapshot brings. */
export const MAX_SAMPLES = 600;

export class PeerState {
  /** Undefined until the first snapshot. */
  readonly status = signal<PeerStatus | undefined>(undefined);
  /** The newest first; changes only when one comes or goes. */
  readonly contents: Signal<readonly ReadonlySignal<PeerContentView>[]> = signal([]);
  /** In the order they were asked for. */
  readonly shares = signal<readonly ShareView[]>([]);
  readonly transfer = signal<TransferView | undefined>(undefined);
  /** By sha1, in the order they were added. */
  readonly #contents = new Map<string, Signal<PeerContentView>>();

  /** Of this sha1; to be called where `contents` is followed too. */
  content(sha1: string): ReadonlySignal<PeerContentView> | undefined {
    return this.#contents.get(sha1);
  }

  snapshot({ peer, contents, shares, transfer }: PeerSnapshot): void {
    batch(() => {
      this.status.value = peer;
      const known = new Set(contents.map(({ sha1 }) => sha1));
      this.#change(
        contents,
        [...this.#contents.keys()].filter((sha1) => !known.has(sha1)),
      );
      this.shares.value = shares;
      this.transfer.value = transfer;
    });
  }

  changes({ peer, contents = [], removedContents = [], shares = [], removedShares = [], transfer }: PeerChanges): void {
    batch(() => {
      if (peer) this.status.value = peer;
      this.#change(contents, removedContents);
      if (shares.length > 0 || removedShares.length > 0) {
        const byId = new Map(this.shares.value.map((each) => [each.id, each]));
        for (const share of shares) byId.set(share.id, share);
        for (const id of removedShares) byId.delete(id);
        this.shares.value = [...byId.values()];
      }
      if (transfer) {
        const samples = [...(this.transfer.value?.samples ?? []), ...transfer.samples].slice(-MAX_SAMPLES);
        this.transfer.value = { ...transfer, samples };
      }
    });
  }

  #change(contents: readonly PeerContentView[], removed: readonly string[]): void {
    let isOther = false;
    for (const content of contents) {
      const known = this.#contents.get(content.sha1);
      if (known) {
        known.value = content;
        continue;
      }
      this.#contents.set(content.sha1, signal(content));
      isOther = true;
    }
    for (const sha1 of removed) isOther = this.#contents.delete(sha1) || isOther;
    if (isOther) this.contents.value = [...this.#contents.values()].reverse();
  }
}
