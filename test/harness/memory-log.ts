import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ClusterStatus, MemberId, MemberStatus, ReplicatedLog, Role } from '../../src/cluster/replicated-log.ts';

type StatusListener = (status: ClusterStatus) => void;
type MessageListener = (from: MemberId, message: Uint8Array) => void;

/**
 * The log of one instance without threads, disk and network, for tests of what stands on the `ReplicatedLog` seam. Who is
 * the master is what the test says; batches are kept, and committed when `propose` is told so; messages go to the other
 * logs of the same `MemoryLog.cluster`.
 */
export class MemoryLog implements ReplicatedLog {
  readonly self: MemberId;
  readonly proposed: Uint8Array[] = [];
  /** Messages that were sent, to logs that are there or not. */
  readonly sent: { readonly to: MemberId; readonly message: Uint8Array }[] = [];
  readonly transfers: (MemberId | undefined)[] = [];
  /** What becomes of a proposal: by default it is committed. */
  decide: () => Promise<void> = async () => {};
  /** What becomes of a handover: by default it succeeds, and nobody is the master. */
  handOver: () => Promise<void> = async () => this.setMaster(undefined);
  readonly removals: MemberId[] = [];
  /** What becomes of a member that is to be removed: by default it is. */
  remove: (member: MemberId) => Promise<void> = async () => {};
  /** What keepalives say of the members. */
  members: readonly MemberStatus[] = [];
  /** Whether messages to others arrive. */
  connected = true;
  #master: MemberId | undefined;
  #mayAnswer = false;
  #others: readonly MemoryLog[] = [];
  readonly #onRole = new Set<StatusListener>();
  readonly #onMessage = new Set<MessageListener>();

  constructor(self: MemberId) {
    this.self = self;
  }

  /** Logs of instances that hear each other's messages. */
  static cluster<Names extends readonly MemberId[]>(...names: Names): { [Name in keyof Names]: MemoryLog } {
    const logs = names.map((name) => new MemoryLog(name));
    for (const log of logs) log.#others = logs;
    return logs as { [Name in keyof Names]: MemoryLog };
  }

  /** This instance learns who is the master; as the master itself it may answer. */
  setMaster(master: MemberId | undefined): void {
    this.#master = master;
    this.#mayAnswer = master === this.self;
    for (const listener of this.#onRole) listener(this.status);
  }

  /** The lease ends, or holds again, and nothing else changes. */
  setMayAnswer(mayAnswer: boolean): void {
    this.#mayAnswer = mayAnswer;
  }

  get status(): ClusterStatus {
    const role: Role = this.#master === this.self ? 'master' : this.#master === undefined ? 'candidate' : 'slave';
    const commitIndex = BigInt(this.proposed.length);
    return {
      cluster: 'test',
      term: 1n,
      role,
      master: this.#master,
      self: this.self,
      commitIndex,
      members: this.members,
    };
  }

  async propose(batch: Uint8Array): Promise<bigint> {
    this.proposed.push(batch);
    const index = BigInt(this.proposed.length);
    await this.decide();
    return index;
  }

  on(_event: 'role' | 'members', listener: StatusListener): () => void {
    this.#onRole.add(listener);
    return () => this.#onRole.delete(listener);
  }

  mayAnswer(): boolean {
    return this.#mayAnswer;
  }

  async transferMastership(to?: MemberId): Promise<void> {
    this.transfers.push(to);
    await this.handOver();
  }

  async removeMember(member: MemberId): Promise<void> {
    this.removals.push(member);
    await this.remove(member);
  }

  send(to: MemberId, message: Uint8Array): void {
    this.sent.push({ to, message });
    const receiver = this.#others.find(({ self }) => self === to);
    if (receiver === undefined || !this.connected || !receiver.connected) return;
    // Never before `send` returned.
    const copy = message.slice();
    void nextTurn().then(() => receiver.receive(this.self, copy));
  }

  /** A message comes, from whomever. */
  receive(from: MemberId, message: Uint8Array): void {
    for (const listener of this.#onMessage) listener(from, message);
  }

  onMessage(listener: MessageListener): () => void {
    this.#onMessage.add(listener);
    return () => this.#onMessage.delete(listener);
  }

  async close(): Promise<void> {}
}
