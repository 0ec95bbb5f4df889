import { batchEntry } from './entry.ts';
import type { MemberId } from './identity.ts';
import type { State } from './state.ts';

interface Pending {
  readonly index: number;
  readonly requestId: number;
  readonly bytes: number;
}

/**
 * The proposals of this master whose fate is open. None is ever repeated by the core: when mastership ends, their
 * proposers are told that it is uncertain, and decide themselves (rule 11).
 */
export class Proposals {
  protected readonly state: State;
  /** Oldest first; indexes rise. All are in the log of the current term. Empty unless this member is the master. */
  protected pending: Pending[] = [];
  /** Sum over `pending`. */
  private bytes = 0;

  constructor(state: State) {
    this.state = state;
  }

  propose(requestId: number, data: Uint8Array): void {
    const { state } = this;
    const { pendingProposals, uncommittedBytes } = state.limits;
    if (
      this.pending.length >= pendingProposals ||
      (this.pending.length > 0 && this.bytes + data.length > uncommittedBytes)
    ) {
      state.emit({ type: 'reply', requestId, outcome: 'overloaded' });
      return;
    }
    const index = state.log.last + 1;
    state.log.append(batchEntry(index, state.term, data));
    this.pending.push({ index, requestId, bytes: data.length });
    this.bytes += data.length;
  }

  refuse(requestId: number, master: MemberId | null): void {
    this.state.emit({ type: 'reply', requestId, outcome: 'not-master', master });
  }

  /** Everything up to `index` is committed and applied. */
  applied(index: number): void {
    let done = 0;
    while (done < this.pending.length && this.pending[done].index <= index) {
      const { requestId, bytes, index: at } = this.pending[done];
      this.bytes -= bytes;
      this.state.emit({ type: 'reply', requestId, outcome: 'committed', index: at, term: this.state.term });
      done++;
    }
    if (done > 0) this.pending.splice(0, done);
  }

  /** Mastership ended. The entries may survive in a successor's log, or not. */
  lost(): void {
    for (const { requestId } of this.pending) this.state.emit({ type: 'reply', requestId, outcome: 'uncertain' });
    this.pending = [];
    this.bytes = 0;
  }
}
