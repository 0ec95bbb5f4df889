import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { gapReason } from './log-errors.ts';
import {
  type ClientMessage,
  type CreditWindow,
  FEED_BYTES,
  MINIMUM_TAIL_ENTRIES,
  type Refusal,
  type Rejection,
  type ServerMessage,
  SharedLogNumbers,
  TRIM_SLICE_ENTRIES,
} from './log-messages.ts';
import { MessageFlow, ownBytes } from './message-flow.ts';
import type { ClusterStatus, LogFailedError, MemberId } from './replicated-log.ts';
import type { LogEntry } from './storage/log-entry.ts';
import type { Identity } from './storage/log-store.ts';

/** The state machine up to `index` is in the file at `path`. */
export interface RestoredSnapshot {
  readonly index: number;
  readonly path: string;
}

/** A batch that a client wants in the log. */
export interface Proposal {
  readonly batch: Uint8Array;
  /** For LogServer: who asked, and under what number. */
  readonly client: object;
  readonly id: number;
}

/** A committed entry, with the proposal that it was on this instance. */
export interface CommittedEntry extends LogEntry {
  readonly proposal?: Proposal;
}

/**
 * What decides about proposals and keeps the log. Each proposal ends in exactly one call of `LogServer.publish` or
 * `LogServer.reject`, in the order in which they came for those that are published.
 */
export interface LogEngine {
  readonly identity: Identity;
  /** The oldest entry that is still there; `lastIndex + 1` when there is none. */
  readonly firstIndex: number;
  /** What is on this instance's disk; entries behind the committed ones may still be taken back. */
  readonly lastIndex: number;
  /** The state machine as a file, as of the newest snapshot that was received from another instance. */
  readonly restored: RestoredSnapshot | undefined;
  /** The committed entries from `from` on, at least one. They stay the engine's: clients get copies. */
  read(from: number, maxBytes: number, maxEntries: number): LogEntry[];
  /** Nobody needs the entries up to `index` any more; the engine may keep them all the same. */
  trimTo(index: number): void;
  propose(proposals: readonly Proposal[]): void;
  transferMastership(to: MemberId | undefined): Promise<void>;
  /** @returns why not; undefined when the member is out */
  removeMember(member: MemberId): Promise<Refusal | undefined>;
  /** Sends a message to another instance, if it can leave at once; takes the bytes over. */
  send(to: MemberId, message: Uint8Array): void;
}

/**
 * The log thread's side of all LogClients, for any engine: gathers proposals, hands out committed entries, trims.
 *
 * Invariants:
 * - A subscriber gets the entries in index order without gaps; what it has not acknowledged stays within its window
 *   (one entry may overshoot). One that lags is fed from the log, so nothing queues up in memory for it.
 * - Proposals that came while the engine was busy (a sync) go to it together: group commit.
 * - An entry is trimmed only when the tables hold it durably, every subscriber was sent it, and a tail remains.
 */
export class LogServer {
  readonly #engine: LogEngine;
  readonly #shared = new SharedLogNumbers();
  readonly #connections = new Set<Connection>();
  /** Snapshots being made; the engine asks for one at a time. */
  readonly #snapshots = new Map<number, SnapshotRequest>();
  #nextSnapshot = 1;
  #proposals: Proposal[] = [];
  #turn: NodeJS.Immediate | undefined;
  #commitIndex: number;
  #trimmable = 0;
  #status: ClusterStatus;
  #state: { readonly index: number; readonly hash: string } | undefined;
  #ended = false;

  constructor(engine: LogEngine, status: ClusterStatus) {
    this.#engine = engine;
    this.#status = status;
    this.#commitIndex = Number(status.commitIndex);
    this.#shared.commitIndex = status.commitIndex;
  }

  connect(port: MessagePort): void {
    const flows = { out: new MessageFlow(), in: new MessageFlow() };
    const connection: Connection = { port, subscriber: undefined, snapshots: false, flows, listens: false };
    this.#connections.add(connection);
    port.on('message', (message: ClientMessage) => this.#receive(connection, message));
    port.on('close', () => this.#gone(connection));
    this.#post(connection, {
      type: 'welcome',
      status: this.#status,
      identity: this.#engine.identity,
      shared: this.#shared.buffer,
      flows: { out: flows.out.buffer, in: flows.in.buffer },
    });
  }

  /** What a client last reported of the tables. */
  get state(): { readonly index: number; readonly hash: string } {
    return this.#state ?? { index: this.#commitIndex, hash: '' };
  }

  /** Tells every client the new role or members. */
  setStatus(status: ClusterStatus): void {
    this.#status = status;
    this.#shared.firstIndex = BigInt(this.#engine.firstIndex);
    for (const connection of this.#connections) this.#post(connection, { type: 'status', status });
  }

  /** @param nanoseconds until when clients may be answered; see SharedLogNumbers */
  answerUntil(nanoseconds: bigint): void {
    this.#shared.answerUntil = nanoseconds;
  }

  /** @param index what a state machine must have been handed before its client answers; set before the lease begins */
  answerFrom(index: number): void {
    this.#shared.answerFrom = BigInt(index);
  }

  /** @param count of everything that came over the members' network and was refused in this run */
  refused(count: number): void {
    this.#shared.refusedMessages = BigInt(count);
  }

  /** The entries, which follow the last committed one, are durable on a quorum. They stay the engine's. */
  publish(entries: readonly CommittedEntry[]): void {
    if (entries.length === 0) return;
    const first = entries[0].index;
    this.#commitIndex = entries[entries.length - 1].index;
    this.#shared.commitIndex = BigInt(this.#commitIndex);
    const proposals = new Map<object, number[]>();
    let bytes = 0;
    for (const { proposal, batch, index } of entries) {
      bytes += batch.length;
      if (!proposal) continue;
      const own = proposals.get(proposal.client);
      if (own) own.push(proposal.id, index);
      else proposals.set(proposal.client, [proposal.id, index]);
    }
    this.#handOut(first, entries, bytes, proposals);
    this.#wake();
  }

  /** The entries up to `index`, which the engine has, are durable on a quorum; none is a proposal of this run. They go to whoever lacks them. */
  committed(index: number): void {
    this.#commitIndex = Math.max(this.#commitIndex, index);
    this.#shared.commitIndex = BigInt(this.#commitIndex);
    this.#wake();
  }

  /** A snapshot took the place of everything up to its index; subscribers that are not there yet continue from it. */
  restore({ index }: RestoredSnapshot): void {
    this.committed(index);
  }

  /**
   * Asks the state machine for a copy of itself.
   * @param path the file that it makes
   * @returns the last entry inside; rejects where no client can make one
   */
  takeSnapshot(path: string): Promise<number> {
    const provider = [...this.#connections].find(({ snapshots }) => snapshots);
    if (!provider) return Promise.reject(new Error('no client makes snapshots of the state machine'));
    return new Promise((resolve, reject) => {
      const id = this.#nextSnapshot++;
      this.#snapshots.set(id, { connection: provider, resolve, reject });
      this.#post(provider, { type: 'snapshot-wanted', id, path });
    });
  }

  /** Another instance sent that message. Takes the bytes over. */
  message(from: MemberId, bytes: Uint8Array): void {
    if (this.#ended) return;
    let last: Connection | undefined;
    for (const connection of this.#connections) {
      if (!connection.listens || !connection.flows.in.admits(bytes.length)) continue;
      // Each gets bytes of its own, and the last one those that came.
      if (last !== undefined) this.#postMessage(last, from, new Uint8Array(bytes));
      last = connection;
    }
    if (last !== undefined) this.#postMessage(last, from, ownBytes(bytes));
  }

  #postMessage(connection: Connection, from: MemberId, message: Uint8Array<ArrayBuffer>): void {
    this.#post(connection, { type: 'message', from, message }, [message.buffer]);
  }

  /** The proposals are in no log (not the master), or nobody knows (uncertain). */
  reject(proposals: readonly Proposal[], reason: Rejection): void {
    for (const connection of this.#connections) {
      const ids = proposals.filter((proposal) => proposal.client === connection).map((proposal) => proposal.id);
      if (ids.length > 0) this.#post(connection, { type: 'rejected', ids, reason });
    }
  }

  /** Storage failed: nothing is acknowledged any more. Clients reject what waits. */
  fail(error: LogFailedError): void {
    this.#end({ type: 'failed', code: error.code, reason: error.message });
  }

  /** Hands the engine everything that has arrived. */
  drain(): void {
    if (this.#ended) return;
    for (const connection of this.#connections) {
      for (let next = receiveMessageOnPort(connection.port); next; next = receiveMessageOnPort(connection.port)) {
        this.#receive(connection, next.message as ClientMessage);
      }
    }
    this.#proposeWaiting();
  }

  /** Lets the engine have what has arrived, then tells the clients that it is over. */
  close(): void {
    this.drain();
    this.#end({ type: 'closed' });
  }

  #end(message: ServerMessage): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#shared.answerUntil = 0n;
    this.#proposals = [];
    clearImmediate(this.#turn);
    for (const connection of this.#connections) {
      this.#post(connection, message);
      connection.port.close();
    }
  }

  #receive(connection: Connection, message: ClientMessage): void {
    if (this.#ended) return;
    switch (message.type) {
      case 'propose':
        this.#proposals.push({ batch: message.batch, client: connection, id: message.id });
        break;
      case 'subscribe':
        connection.snapshots = message.snapshots;
        this.#subscribe(connection, message.after, message.window);
        break;
      case 'acknowledge':
        if (connection.subscriber) acknowledge(connection.subscriber, message.index);
        break;
      case 'trimmable':
        this.#trimmable = Math.max(this.#trimmable, message.index);
        break;
      case 'transfer':
        this.#engine.transferMastership(message.to).then(
          () => this.#post(connection, { type: 'transferred', id: message.id, problem: undefined }),
          (error: Error) => this.#post(connection, { type: 'transferred', id: message.id, problem: error.message }),
        );
        break;
      case 'remove':
        void this.#engine
          .removeMember(message.member)
          .then((refusal) => this.#post(connection, { type: 'removed', id: message.id, refusal }));
        break;
      case 'state':
        this.#state = { index: message.index, hash: message.hash };
        break;
      case 'snapshot-made': {
        const request = this.#snapshots.get(message.id);
        this.#snapshots.delete(message.id);
        if (message.problem === undefined) request?.resolve(message.index);
        else request?.reject(new Error(message.problem));
        break;
      }
      case 'send':
        connection.flows.out.received(message.message.length);
        this.#engine.send(message.to, message.message);
        return;
      case 'listen':
        connection.listens = message.on;
        return;
      case 'leave':
        this.#gone(connection);
        connection.port.close();
        break;
    }
    this.#wake();
  }

  #gone(connection: Connection): void {
    this.#connections.delete(connection);
    for (const [id, request] of this.#snapshots) {
      if (request.connection !== connection) continue;
      this.#snapshots.delete(id);
      request.reject(new Error('the client that makes snapshots has left'));
    }
  }

  #subscribe(connection: Connection, after: number, window: CreditWindow): void {
    // Tables never run ahead of the disk, but after a restart they may be ahead of what is known to be committed.
    const last = Math.max(this.#commitIndex, this.#engine.lastIndex);
    const isGone = after < this.#engine.firstIndex - 1 && !this.#isInstalling && !this.#canRestore(after);
    if (isGone || after > last) {
      const reason = gapReason(after, this.#engine.firstIndex, last);
      this.#post(connection, { type: 'failed', code: 'LOG_GAP', reason });
      return;
    }
    connection.subscriber = { window, sent: after, unacknowledged: [], entries: 0, bytes: 0 };
  }

  /** The work of one turn of the event loop, after all the messages that had arrived. */
  #wake(): void {
    if (this.#ended) return;
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#proposeWaiting();
      if (this.#ended) return;
      const more = this.#feed();
      if (this.#trim() || more) this.#wake();
    });
  }

  #proposeWaiting(): void {
    if (this.#proposals.length === 0) return;
    const proposals = this.#proposals;
    this.#proposals = [];
    this.#engine.propose(proposals);
  }

  #handOut(first: number, entries: readonly CommittedEntry[], bytes: number, proposals: Map<object, number[]>): void {
    for (const connection of this.#connections) {
      const subscriber = connection.subscriber;
      const own = proposals.get(connection);
      if (subscriber && subscriber.sent === first - 1 && fits(subscriber, entries.length, bytes)) {
        sent(subscriber, first + entries.length - 1, entries.length, bytes);
        this.#publishTo(connection, first, entries, own);
      } else if (own) this.#publishTo(connection, first, [], own);
    }
  }

  /** Feeds each subscriber that lags one chunk of the log. Returns whether one could take more. */
  #feed(): boolean {
    let more = false;
    for (const connection of this.#connections) {
      const subscriber = connection.subscriber;
      if (!subscriber || subscriber.sent >= this.#commitIndex || !hasCredit(subscriber)) continue;
      if (subscriber.sent < this.#engine.firstIndex - 1) {
        if (this.#isInstalling || !this.#restore(connection, subscriber)) continue;
      }
      if (subscriber.sent >= this.#commitIndex) continue;
      const first = subscriber.sent + 1;
      const entries = this.#engine.read(
        first,
        Math.min(FEED_BYTES, subscriber.window.bytes - subscriber.bytes),
        Math.min(this.#commitIndex - subscriber.sent, subscriber.window.entries - subscriber.entries),
      );
      sent(subscriber, first + entries.length - 1, entries.length, sumBytes(entries));
      this.#publishTo(connection, first, entries);
      more ||= subscriber.sent < this.#commitIndex && hasCredit(subscriber);
    }
    return more;
  }

  /**
   * A snapshot is on its way to the disk: the log begins behind it already, but what it holds counts as committed, and can be
   * read, only when it is there (`restore`). Who lacks it waits until then.
   */
  get #isInstalling(): boolean {
    return this.#engine.firstIndex - 1 > this.#commitIndex;
  }

  #canRestore(after: number): boolean {
    const { restored, firstIndex } = this.#engine;
    return restored !== undefined && restored.index > after && restored.index >= firstIndex - 1;
  }

  /** The log begins behind what the subscriber has: it continues from the snapshot that is the reason. */
  #restore(connection: Connection, subscriber: SubscriberState): boolean {
    const { restored, firstIndex } = this.#engine;
    if (restored === undefined || !this.#canRestore(subscriber.sent)) {
      const reason = gapReason(subscriber.sent, firstIndex, this.#commitIndex);
      connection.subscriber = undefined;
      this.#post(connection, { type: 'failed', code: 'LOG_GAP', reason });
      return false;
    }
    subscriber.sent = restored.index;
    this.#post(connection, { type: 'restored', index: restored.index, path: restored.path });
    return true;
  }

  /** Trims a slice; returns whether another one is due. */
  #trim(): boolean {
    let target = Math.min(this.#trimmable, this.#commitIndex - MINIMUM_TAIL_ENTRIES);
    for (const { subscriber } of this.#connections) if (subscriber) target = Math.min(target, subscriber.sent);
    const { firstIndex } = this.#engine;
    const due = target - firstIndex + 1;
    if (due < TRIM_SLICE_ENTRIES) return false;
    this.#engine.trimTo(firstIndex + TRIM_SLICE_ENTRIES - 1);
    return due >= 2 * TRIM_SLICE_ENTRIES && this.#engine.firstIndex > firstIndex;
  }

  #publishTo(
    connection: Connection,
    first: number,
    entries: readonly LogEntry[],
    proposals: readonly number[] = [],
  ): void {
    // A view of a larger buffer would take all of that along.
    const batches = entries.map(({ batch }) => ownBytes(batch));
    const kinds = Uint8Array.from(entries, (entry) => entry.kind);
    this.#post(connection, { type: 'published', first, kinds, batches, proposals });
  }

  #post(connection: Connection, message: ServerMessage, transfer: ArrayBuffer[] = []): void {
    connection.port.postMessage(message, transfer);
  }
}

interface Connection {
  readonly port: MessagePort;
  subscriber: SubscriberState | undefined;
  /** Its subscriber makes snapshots. */
  snapshots: boolean;
  /** What is under way of messages to and from other instances. */
  readonly flows: { readonly out: MessageFlow; readonly in: MessageFlow };
  /** It wants the messages of other instances. */
  listens: boolean;
}

interface SnapshotRequest {
  readonly connection: Connection;
  readonly resolve: (index: number) => void;
  readonly reject: (error: Error) => void;
}

interface SubscriberState {
  readonly window: CreditWindow;
  /** Index of the last entry sent. */
  sent: number;
  /** Messages on their way or being digested, oldest first; as many entries as the window allows, so no more messages. */
  unacknowledged: { readonly last: number; readonly entries: number; readonly bytes: number }[];
  /** Entries and bytes in `unacknowledged`. */
  entries: number;
  bytes: number;
}

function sent(subscriber: SubscriberState, last: number, entries: number, bytes: number): void {
  subscriber.sent = last;
  subscriber.entries += entries;
  subscriber.bytes += bytes;
  subscriber.unacknowledged.push({ last, entries, bytes });
}

function acknowledge(subscriber: SubscriberState, index: number): void {
  let count = 0;
  for (const message of subscriber.unacknowledged) {
    if (message.last > index) break;
    subscriber.entries -= message.entries;
    subscriber.bytes -= message.bytes;
    count++;
  }
  subscriber.unacknowledged.splice(0, count);
}

/** Whether a whole group can go straight on; otherwise the subscriber lags and is fed from the log. */
function fits(subscriber: SubscriberState, entries: number, bytes: number): boolean {
  const { window } = subscriber;
  return subscriber.entries + entries <= window.entries && subscriber.bytes + bytes <= window.bytes;
}

function hasCredit(subscriber: SubscriberState): boolean {
  return subscriber.bytes < subscriber.window.bytes && subscriber.entries < subscriber.window.entries;
}

function sumBytes(entries: readonly LogEntry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.batch.length;
  return bytes;
}
