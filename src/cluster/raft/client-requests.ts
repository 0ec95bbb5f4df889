import type { Reply } from '../consensus/effects.ts';
import type { Entry } from '../consensus/entry.ts';
import type { Request } from '../consensus/events.ts';
import type { CommittedEntry, LogServer, Proposal } from '../log-server.ts';
import { toStored } from './stored-entry.ts';

/** What clients asked for and what the core has not decided yet: proposals, and wishes to hand mastership over. */
export class ClientRequests {
  readonly #server: LogServer;
  /** By request number; the core bounds them (`Limits.pendingProposals`). */
  readonly #proposals = new Map<number, Proposal>();
  /** Decided in the step at hand, by index. */
  readonly #committed = new Map<number, Proposal>();
  readonly #handovers: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #nextRequest = 1;
  #idle: (() => void) | undefined;

  constructor(server: LogServer) {
    this.#server = server;
  }

  /** @returns what the core is to be asked */
  add(proposal: Proposal): Request {
    const requestId = this.#nextRequest++;
    this.#proposals.set(requestId, proposal);
    return { requestId, data: proposal.batch };
  }

  reply(reply: Reply): void {
    const proposal = this.#proposals.get(reply.requestId)!;
    this.#proposals.delete(reply.requestId);
    switch (reply.outcome) {
      case 'committed':
        this.#committed.set(reply.index, proposal);
        return;
      case 'not-master':
        this.#server.reject([proposal], { code: 'NOT_MASTER', master: reply.master ?? undefined });
        return;
      case 'overloaded':
        this.#server.reject([proposal], { code: 'OVERLOADED', waiting: this.#proposals.size });
        return;
      case 'uncertain':
        this.#server.reject([proposal], { code: 'UNCERTAIN', why: 'mastership ended before a quorum had it' });
        return;
    }
  }

  /** Hands clients what was committed by a step, when all its replies are known. */
  publish(applied: readonly Entry[]): void {
    if (applied.length > 0) {
      const entries: CommittedEntry[] = applied.map((entry) => {
        const proposal = this.#committed.get(entry.index);
        return proposal === undefined ? toStored(entry) : { ...toStored(entry), proposal };
      });
      this.#committed.clear();
      this.#server.publish(entries);
    }
    if (this.#proposals.size === 0) this.#idle?.();
  }

  /** Resolves when the core has decided about all proposals, or after so long. */
  settled(patienceMs: number): Promise<void> {
    if (this.#proposals.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const late = setTimeout(resolve, patienceMs);
      this.#idle = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  /** Resolves when mastership was handed over. */
  handover(): Promise<void> {
    return new Promise((resolve, reject) => this.#handovers.push({ resolve, reject }));
  }

  handedOver(done: boolean): void {
    for (const { resolve, reject } of this.#handovers.splice(0)) {
      if (done) resolve();
      else reject(new Error('mastership could not be handed over: no other voter has caught up; try again'));
    }
  }

  /** The core says nothing more. */
  stop(): void {
    for (const { reject } of this.#handovers.splice(0)) reject(new Error('this instance stops'));
  }

  /** What the core has not decided is uncertain. */
  abandon(): void {
    this.#server.reject([...this.#proposals.values()], { code: 'UNCERTAIN', why: 'this instance stops' });
    this.#proposals.clear();
  }
}
