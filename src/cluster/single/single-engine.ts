import { KIND_BATCH, type Refusal } from '../log-messages.ts';
import type { CommittedEntry, LogEngine, LogServer, Proposal } from '../log-server.ts';
import { LogFailedError, type MemberId } from '../replicated-log.ts';
import type { LogEntry } from '../storage/log-entry.ts';
import type { LogStore } from '../storage/log-store.ts';

/**
 * The engine of an instance without others: the only voter of its cluster, so what is on its disk is committed.
 * All proposals that came while the disk synced share the next sync.
 */
export class SingleEngine implements LogEngine {
  readonly #store: LogStore;
  readonly #server: LogServer;

  constructor(store: LogStore, server: LogServer) {
    this.#store = store;
    this.#server = server;
  }

  propose(proposals: readonly Proposal[]): void {
    const { term } = this.#store.hardState;
    const first = this.#store.lastIndex + 1;
    const entries: CommittedEntry[] = proposals.map((proposal, i) => ({
      index: first + i,
      term,
      kind: KIND_BATCH,
      batch: proposal.batch,
      proposal,
    }));
    try {
      this.#store.append(entries satisfies LogEntry[]);
    } catch (error) {
      if (!(error instanceof LogFailedError)) throw error;
      this.#server.fail(error);
      return;
    }
    this.#server.publish(entries);
  }

  /** There is nobody to send to. */
  send(): void {}

  async removeMember(member: MemberId): Promise<Refusal> {
    return { code: member === this.#store.identity.member ? 'MEMBER_ALIVE' : 'NO_MEMBER' };
  }

  async transferMastership(): Promise<void> {
    throw new Error('there is no other voter to hand mastership to; start more instances first');
  }
}
