import { CodecError, decodeMessage } from '../consensus/codec.ts';
import type { Event } from '../consensus/events.ts';
import type { ClusterId, MemberId } from '../consensus/identity.ts';
import type { Message } from '../consensus/messages.ts';
import type { Verdict } from '../fault-tolerance/failure-detector.ts';
import { FaultTolerance, type MemberView } from '../fault-tolerance/fault-tolerance.ts';
import type { Keepalive } from '../fault-tolerance/keepalive.ts';
import type { DisconnectReason, MemberTransport, Peer } from '../transport/member-transport.ts';
import { MalformedError } from '../transport/wire.ts';
import { KIND_CLIENT, KIND_CONSENSUS, KIND_GENESIS } from './message-kinds.ts';
import { OtherClusters } from './other-clusters.ts';

export interface MemberWatchOptions {
  readonly transport: MemberTransport;
  /** What this instance says of itself in its keepalives. */
  readonly describe: () => Keepalive;
  /** What the members said, or what became of them, for the core. */
  readonly onEvent: (event: Event) => void;
  /** How others are changed: what `status` shows is out of date. */
  readonly onChange: () => void;
  /** @throws {MalformedError} */
  readonly onGenesis: (from: MemberId, body: Uint8Array) => void;
  readonly onClientMessage: (from: Peer, body: Uint8Array) => void;
  readonly warn: (message: string) => void;
}

/** What the other instances say, and whether they live: the network's side of the engine. */
export class MemberWatch {
  readonly #options: MemberWatchOptions;
  readonly #faultTolerance: FaultTolerance;
  readonly #others = new OtherClusters(() => performance.now());
  #over = false;

  constructor(options: MemberWatchOptions) {
    this.#options = options;
    const { transport, describe } = options;
    this.#faultTolerance = new FaultTolerance({ transport, describe, onVerdict: (verdict) => this.#judged(verdict) });
  }

  /** From here on it listens. */
  start(): void {
    const listener = this.#faultTolerance.listening({
      connected: () => this.meet(),
      disconnected: (_, reason) => this.#disconnected(reason),
      died: () => {},
      message: (from, kind, body) => this.#receive(from, kind, body),
      pulse: () => {},
      drained: () => {},
      foreign: (cluster, host) => {
        this.#others.met(cluster, host);
        this.#options.onChange();
        const advice =
          'the two will never merge, and only the one founded earlier answers by multicast; give one of them another name, or empty its data folders';
        this.#options.warn(`another cluster (${cluster}) of the same name is at ${host}: ${advice}`);
      },
    });
    this.#options.transport.start({
      ...listener,
      datagram: (from, body) => {
        listener.datagram(from, body);
        this.#tell({ type: 'heard', ...from.incarnation });
      },
    });
  }

  /** Tells the core whom of a cluster this instance is connected with. */
  meet(): void {
    const members = this.#options.transport.peers().filter(({ cluster }) => cluster !== null);
    this.#tell({ type: 'contacts', members: [...new Set(members.map(({ incarnation }) => incarnation.member))] });
  }

  /** Where a cluster of the same name is that was founded before `own`; undefined: none is in reach. */
  earlierCluster(own: ClusterId): string | undefined {
    return this.#others.earlierThan(own);
  }

  view(): MemberView[] {
    return this.#faultTolerance.view();
  }

  /** Falls silent, and listens no more. */
  close(): void {
    this.#over = true;
    this.#faultTolerance.close();
  }

  #tell(event: Event): void {
    if (!this.#over) this.#options.onEvent(event);
  }

  #judged({ member, state }: Verdict): void {
    this.#options.onChange();
    if (state === 'dead') this.#tell({ type: 'died', member: member.member, boot: member.boot });
  }

  #disconnected(reason: DisconnectReason): void {
    if (reason === 'protocol') this.#options.warn('a member sent what no member sends; its connection was closed');
  }

  #receive(from: Peer, kind: number, body: Uint8Array): void {
    if (this.#over) return;
    try {
      switch (kind) {
        case KIND_CONSENSUS:
          this.#heard(from, decodeMessage(body));
          return;
        case KIND_GENESIS:
          this.#options.onGenesis(from.incarnation.member, body);
          return;
        case KIND_CLIENT:
          this.#options.onClientMessage(from, body);
          return;
      }
    } catch (error) {
      if (!(error instanceof CodecError || error instanceof MalformedError)) throw error;
      this.#options.transport.counters.messagesRefused++;
    }
  }

  #heard(from: Peer, message: Message): void {
    if (!isSentBy(message, from)) {
      this.#options.transport.counters.messagesRefused++;
      return;
    }
    this.#tell({ type: 'message', message: message.type === 'append' ? detached(message) : message });
  }
}

function isSentBy({ from, boot, nonce }: Message, { incarnation }: Peer): boolean {
  return from === incarnation.member && boot === incarnation.boot && nonce === incarnation.nonce;
}

/** Entries stay in memory for long: each gets bytes of its own, so that they do not hold the network's buffers. */
function detached(message: Extract<Message, { type: 'append' }>): Message {
  return { ...message, entries: message.entries.map((entry) => ({ ...entry, data: entry.data.slice() })) };
}
