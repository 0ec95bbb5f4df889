import type { MessagePort } from 'node:worker_threads';
import { LogClosedError, LogGapError, LogOverloadedError } from './log-errors.ts';
import {
  ANSWER_FOREVER,
  type ClientMessage,
  type CreditWindow,
  DEFAULT_WINDOW,
  KIND_BATCH,
  MAX_BATCH_BYTES,
  MAX_WAITING_BYTES,
  MAX_WAITING_PROPOSALS,
  type Refusal,
  type ServerMessage,
  SharedLogNumbers,
} from './log-messages.ts';
import { MAX_MEMBER_MESSAGE_BYTES, MessageFlow, ownBytes } from './message-flow.ts';
import {
  type ClusterStatus,
  LogFailedError,
  type MemberId,
  NotMasterError,
  RemovalError,
  type ReplicatedLog,
  type StateMachine,
  UncertainError,
} from './replicated-log.ts';
import type { Identity } from './storage/log-store.ts';

/** A state machine that may also want to know how far it was driven. */
export interface Subscriber extends StateMachine {
  /** Called after the batches of one delivery: everything up to `index` was handed over, entries of the engine included. */
  delivered?(index: bigint): void;
  /**
   * The log no longer has what the subscriber needs next: the file at `path` holds a state machine with everything up
   * to `index`, in the form in which `snapshot` made it on another instance. What follows comes behind it. The file may go
   * when a newer snapshot arrives, so take from it what is needed now. Without this method a gap stops the client.
   */
  restore?(index: bigint, path: string): void;
  /**
   * Writes a copy of the state machine into a new file at `path`, for an instance that lacks the log's beginning; the file
   * is the log's from then on. At most one at a time.
   * @returns the index of the last entry inside, at least what was last reported as `trimmable`
   */
  snapshot?(path: string): Promise<bigint>;
}

export interface SubscribeOptions {
  readonly window?: CreditWindow;
  /** The subscriber calls `acknowledge` itself, when it has really digested the entries; otherwise handing over is enough. */
  readonly acknowledge?: 'manual';
}

/**
 * The log as one thread sees it, whatever engine runs behind the port.
 *
 * Invariants:
 * - Entries are handed to the subscriber in index order without gaps.
 * - With a subscription, `propose` resolves only after the subscriber was handed that entry.
 * - Every proposal settles: with an index, or with an error when it was rejected or the log failed or closed.
 */
export class LogClient implements ReplicatedLog {
  readonly identity: Identity;
  /** Resolves when storage failed, the log thread died or the subscriber threw: the instance must stop. */
  readonly failed: Promise<Error>;
  readonly #port: MessagePort;
  readonly #shared: SharedLogNumbers;
  readonly #resolveFailed: (error: Error) => void;
  readonly #listeners = { role: new Set<StatusListener>(), members: new Set<StatusListener>() };
  readonly #flows: { readonly out: MessageFlow; readonly in: MessageFlow };
  readonly #messageListeners = new Set<MessageListener>();
  /** Proposals whose fate is unknown, by id; at most MAX_WAITING_PROPOSALS. */
  readonly #waiting = new Map<number, Waiting>();
  #waitingBytes = 0;
  /** Committed proposals whose entries were not handed over yet, in index order. */
  #committed: { index: number; waiting: Waiting }[] = [];
  readonly #transfers = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  readonly #removals = new Map<number, { member: MemberId; resolve: () => void; reject: (error: Error) => void }>();
  #nextId = 1;
  #subscription: Subscription | undefined;
  #status: ClusterStatus;
  #end: Error | undefined;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  /**
   * Takes a port from `RunningLog.connect()` into use.
   * @throws {LogFailedError} the log thread is gone
   */
  static connect(port: MessagePort): Promise<LogClient> {
    return new Promise((resolve, reject) => {
      const refuse = () => reject(new LogFailedError('the log thread ended before it answered'));
      port.once('close', refuse);
      port.once('message', (message: ServerMessage) => {
        port.off('close', refuse);
        if (message.type === 'welcome') resolve(new LogClient(port, message));
        else reject(message.type === 'failed' ? new LogFailedError(message.reason) : new LogClosedError());
      });
    });
  }

  private constructor(port: MessagePort, welcome: Extract<ServerMessage, { type: 'welcome' }>) {
    this.#port = port;
    this.identity = welcome.identity;
    this.#status = welcome.status;
    this.#shared = new SharedLogNumbers(welcome.shared);
    this.#flows = { out: new MessageFlow(welcome.flows.out), in: new MessageFlow(welcome.flows.in) };
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.failed = promise;
    this.#resolveFailed = resolve;
    port.on('message', (message: ServerMessage) => this.#receive(message));
    port.on('close', () => this.#stop(new LogFailedError('the log thread ended')));
  }

  propose(batch: Uint8Array): Promise<bigint> {
    if (this.#end || this.#closing) return Promise.reject(this.#end ?? new LogClosedError());
    if (batch.length > MAX_BATCH_BYTES) {
      return Promise.reject(new RangeError(`a batch of ${batch.length} bytes is larger than ${MAX_BATCH_BYTES}`));
    }
    if (this.#waiting.size >= MAX_WAITING_PROPOSALS || this.#waitingBytes + batch.length > MAX_WAITING_BYTES) {
      return Promise.reject(new LogOverloadedError(this.#waiting.size));
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const bytes = batch.length;
      const own = ownBytes(batch);
      this.#post({ type: 'propose', id, batch: own }, [own.buffer]);
      this.#waiting.set(id, { resolve, reject, bytes });
      this.#waitingBytes += bytes;
    });
  }

  get status(): ClusterStatus {
    const commitIndex = this.#shared.commitIndex;
    if (commitIndex !== this.#status.commitIndex) {
      const appliedIndex = this.#subscription ? BigInt(this.#subscription.position) : commitIndex;
      const members = this.#status.members.map((member) =>
        member.id === this.#status.self ? { ...member, appliedIndex, lag: lagOf(appliedIndex, commitIndex) } : member,
      );
      this.#status = { ...this.#status, commitIndex, members };
    }
    return this.#status;
  }

  on(event: 'role' | 'members', listener: StatusListener): () => void {
    // Wrapped, so that a listener that is added twice is called twice and removed once.
    const call: StatusListener = (status) => listener(status);
    this.#listeners[event].add(call);
    return () => this.#listeners[event].delete(call);
  }

  mayAnswer(): boolean {
    if (this.#end || this.#closing) return false;
    const until = this.#shared.answerUntil;
    if (this.#subscription && this.#subscription.position < Number(this.#shared.answerFrom)) return false;
    return until === ANSWER_FOREVER || (until !== 0n && process.hrtime.bigint() < until);
  }

  /** Committed entries that the log still has, for members that were away. */
  get keptEntries(): number {
    return Math.max(0, Number(this.#shared.commitIndex - this.#shared.firstIndex) + 1);
  }

  /**
   * What came over the members' network in this run and was refused: without the key or with a wrong one, replayed, malformed,
   * connections that did not prove the key among them.
   */
  get refusedMessages(): number {
    return Number(this.#shared.refusedMessages);
  }

  transferMastership(to?: MemberId): Promise<void> {
    if (this.#end || this.#closing) return Promise.reject(this.#end ?? new LogClosedError());
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#transfers.set(id, { resolve, reject });
      this.#post({ type: 'transfer', id, to });
    });
  }

  removeMember(member: MemberId): Promise<void> {
    if (this.#end || this.#closing) return Promise.reject(this.#end ?? new LogClosedError());
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#removals.set(id, { member, resolve, reject });
      this.#post({ type: 'remove', id, member });
    });
  }

  send(to: MemberId, message: Uint8Array): void {
    const bytes = message.length;
    if (bytes > MAX_MEMBER_MESSAGE_BYTES) {
      throw new RangeError(
        `a message of ${bytes} bytes to another instance is longer than ${MAX_MEMBER_MESSAGE_BYTES}`,
      );
    }
    if (this.#end || this.#closing || !this.#flows.out.admits(bytes)) return;
    const own = ownBytes(message);
    this.#post({ type: 'send', to, message: own }, [own.buffer]);
  }

  onMessage(listener: MessageListener): () => void {
    const call: MessageListener = (from, message) => listener(from, message);
    const { size } = this.#messageListeners.add(call);
    if (size === 1) this.#listen(true);
    return () => {
      if (this.#messageListeners.delete(call) && this.#messageListeners.size === 0) this.#listen(false);
    };
  }

  #listen(on: boolean): void {
    if (!this.#end && !this.#closing) this.#post({ type: 'listen', on });
  }

  /**
   * Hands over every committed entry behind `after`, from now on. Once per client.
   * A subscriber that throws stops the client (see `failed`): its state is not what the log says.
   */
  subscribe(after: bigint, subscriber: Subscriber, options: SubscribeOptions = {}): Subscription {
    if (this.#subscription) throw new Error('this client has its subscription already');
    const window = options.window ?? DEFAULT_WINDOW;
    const subscription = new Subscription(
      Number(after),
      subscriber,
      window,
      options.acknowledge === 'manual',
      (index) => {
        if (!this.#end) this.#post({ type: 'acknowledge', index });
      },
    );
    this.#subscription = subscription;
    this.#post({ type: 'subscribe', after: Number(after), window, snapshots: subscriber.snapshot !== undefined });
    return subscription;
  }

  /** Entries up to `index` are never needed again: the tables that hold their effect are safe on the disk. */
  trimmable(index: bigint): void {
    if (!this.#end) this.#post({ type: 'trimmable', index: Number(index) });
  }

  /** Tells the other instances how far the tables that answer clients are, and their hash there (at most 32 hexadecimal digits). */
  reportState(index: bigint, hash: string): void {
    if (!this.#end) this.#post({ type: 'state', index: Number(index), hash });
  }

  /** Waits for the proposals on their way, then lets go of the log; the log itself runs on. */
  close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  async #leave(): Promise<void> {
    if (!this.#end && this.#hasPending()) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    if (!this.#end) this.#post({ type: 'leave' });
    this.#stop(new LogClosedError());
    this.#port.close();
  }

  #hasPending(): boolean {
    return this.#waiting.size > 0 || this.#committed.length > 0;
  }

  #post(message: ClientMessage, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  #receive(message: ServerMessage): void {
    if (this.#end) return;
    switch (message.type) {
      case 'published':
        this.#published(message);
        break;
      case 'rejected':
        for (const id of message.ids) this.#take(id)?.reject(rejectionError(message.reason));
        break;
      case 'transferred': {
        const transfer = this.#transfers.get(message.id);
        this.#transfers.delete(message.id);
        if (message.problem === undefined) transfer?.resolve();
        else transfer?.reject(new Error(message.problem));
        break;
      }
      case 'removed': {
        const removal = this.#removals.get(message.id);
        this.#removals.delete(message.id);
        if (message.refusal === undefined) removal?.resolve();
        else removal?.reject(refusalError(message.refusal, removal.member));
        break;
      }
      case 'status':
        this.#newStatus(message.status);
        break;
      case 'message':
        this.#flows.in.received(message.message.length);
        for (const listener of this.#messageListeners) listener(message.from, message.message);
        break;
      case 'restored':
        this.#restored(message.index, message.path);
        break;
      case 'snapshot-wanted':
        void this.#makeSnapshot(message.id, message.path);
        break;
      case 'failed':
        this.#stop(message.code === 'LOG_GAP' ? new LogGapError(message.reason) : new LogFailedError(message.reason));
        break;
      case 'closed':
        this.#stop(new LogClosedError());
        break;
      case 'welcome':
        break;
    }
    if (this.#idle && !this.#hasPending()) this.#idle();
  }

  #published(message: Extract<ServerMessage, { type: 'published' }>): void {
    const { proposals } = message;
    for (let i = 0; i < proposals.length; i += 2) {
      const waiting = this.#take(proposals[i]);
      if (waiting) this.#committed.push({ index: proposals[i + 1], waiting });
    }
    if (message.batches.length > 0) {
      try {
        this.#subscription?.deliver(message.first, message.kinds, message.batches);
      } catch (error) {
        this.#stop(error instanceof Error ? error : new Error(String(error)));
        return;
      }
    }
    this.#resolveCommitted();
  }

  #restored(index: number, path: string): void {
    try {
      this.#subscription?.restore(index, path);
    } catch (error) {
      this.#stop(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#resolveCommitted();
  }

  async #makeSnapshot(id: number, path: string): Promise<void> {
    let index = 0;
    let problem: string | undefined;
    try {
      index = Number(await this.#subscription!.snapshot(path));
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (!this.#end) this.#post({ type: 'snapshot-made', id, index, problem });
  }

  #resolveCommitted(): void {
    const handedOver = this.#subscription?.position ?? Number.POSITIVE_INFINITY;
    const committed = this.#committed;
    let count = 0;
    while (count < committed.length && committed[count].index <= handedOver) count++;
    if (count === 0) return;
    this.#committed = count === committed.length ? [] : committed.slice(count);
    for (let i = 0; i < count; i++) committed[i].waiting.resolve(BigInt(committed[i].index));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting && this.#waiting.delete(id)) this.#waitingBytes -= waiting.bytes;
    return waiting;
  }

  #newStatus(status: ClusterStatus): void {
    const old = this.#status;
    this.#status = status;
    if (old.role !== status.role || old.term !== status.term || old.master !== status.master) {
      for (const listener of this.#listeners.role) listener(this.status);
    }
    for (const listener of this.#listeners.members) listener(this.status);
  }

  #stop(reason: Error): void {
    if (this.#end) return;
    this.#end = reason;
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
    for (const { waiting } of this.#committed) waiting.reject(reason);
    for (const transfer of this.#transfers.values()) transfer.reject(reason);
    for (const removal of this.#removals.values()) removal.reject(reason);
    this.#waiting.clear();
    this.#committed = [];
    this.#transfers.clear();
    this.#removals.clear();
    this.#idle?.();
    if (!(reason instanceof LogClosedError)) this.#resolveFailed(reason);
  }
}

/** Where a subscriber stands. */
export class Subscription {
  readonly #subscriber: Subscriber;
  readonly #window: CreditWindow;
  readonly #manual: boolean;
  readonly #send: (index: number) => void;
  #position: number;
  #unacknowledgedEntries = 0;
  #unacknowledgedBytes = 0;

  constructor(
    after: number,
    subscriber: Subscriber,
    window: CreditWindow,
    manual: boolean,
    send: (index: number) => void,
  ) {
    this.#position = after;
    this.#subscriber = subscriber;
    this.#window = window;
    this.#manual = manual;
    this.#send = send;
  }

  /** Index of the last entry that was handed over. */
  get position(): number {
    return this.#position;
  }

  /** The entries up to `index` are digested: as much may follow. Only for `acknowledge: 'manual'`. */
  acknowledge(index: bigint): void {
    this.#send(Number(index));
  }

  /** For LogClient: hands over the entries from `first` on. */
  deliver(first: number, kinds: Uint8Array, batches: readonly Uint8Array[]): void {
    if (first !== this.#position + 1) throw new LogFailedError(`entry ${first} came after entry ${this.#position}`);
    for (let i = 0; i < batches.length; i++) {
      // The subscriber may discard the batch.
      const bytes = batches[i].length;
      if (kinds[i] === KIND_BATCH) this.#subscriber.apply(BigInt(first + i), batches[i]);
      this.#position = first + i;
      this.#unacknowledgedBytes += bytes;
    }
    this.#unacknowledgedEntries += batches.length;
    this.#subscriber.delivered?.(BigInt(this.#position));
    if (!this.#manual) this.#acknowledgeNowAndThen();
  }

  /** For LogClient: continues from a snapshot. */
  restore(index: number, path: string): void {
    if (!this.#subscriber.restore) {
      throw new LogGapError(`the log begins behind entry ${index}, and this subscriber takes no snapshot`);
    }
    this.#subscriber.restore(BigInt(index), path);
    this.#position = index;
    this.#subscriber.delivered?.(BigInt(index));
  }

  /** For LogClient: a copy of the state machine. */
  snapshot(path: string): Promise<bigint> {
    return this.#subscriber.snapshot!(path);
  }

  /** A message for a quarter of the window, not for every entry. */
  #acknowledgeNowAndThen(): void {
    if (this.#unacknowledgedEntries * 4 < this.#window.entries && this.#unacknowledgedBytes * 4 < this.#window.bytes) {
      return;
    }
    this.#unacknowledgedEntries = 0;
    this.#unacknowledgedBytes = 0;
    this.#send(this.#position);
  }
}

/** After a restart the tables are ahead of what is known to be committed. */
export function lagOf(appliedIndex: bigint, commitIndex: bigint): bigint {
  return commitIndex > appliedIndex ? commitIndex - appliedIndex : 0n;
}

type StatusListener = (status: ClusterStatus) => void;
type MessageListener = (from: MemberId, message: Uint8Array) => void;

interface Waiting {
  readonly resolve: (index: bigint) => void;
  readonly reject: (error: Error) => void;
  readonly bytes: number;
}

function refusalError(refusal: Refusal, member: MemberId): Error {
  switch (refusal.code) {
    case 'NOT_MASTER':
      return new NotMasterError(refusal.master);
    case 'UNCERTAIN':
      return new UncertainError(refusal.why);
    default:
      return new RemovalError(refusal.code, member);
  }
}

function rejectionError(reason: Extract<ServerMessage, { type: 'rejected' }>['reason']): Error {
  switch (reason.code) {
    case 'NOT_MASTER':
      return new NotMasterError(reason.master);
    case 'OVERLOADED':
      return new LogOverloadedError(reason.waiting);
    case 'UNCERTAIN':
      return new UncertainError(reason.why);
  }
}
