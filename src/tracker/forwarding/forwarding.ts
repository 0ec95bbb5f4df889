import type { MemberId, ReplicatedLog } from '../../cluster/replicated-log.ts';
import { BundleReader } from './datagram-bundle.ts';
import {
  decodeRequest,
  encodeOutcome,
  type ForwardedRequest,
  KIND_DATAGRAMS,
  KIND_OUTCOME,
  KIND_REPLIES,
  KIND_REQUEST,
  type Outcome,
} from './forward-messages.ts';
import { ForwardedSocket } from './forwarded-socket.ts';
import type { ToMaster } from './to-master.ts';

/**
 * What other instances send: as the master, requests of their clients, as a slave, the master's answers. A message that
 * cannot be read comes from an instance of another version and is dropped.
 */
export class Forwarding {
  /** The clients of slaves, for a front end each. */
  readonly sockets: readonly ForwardedSocket[];
  readonly #log: ReplicatedLog;
  readonly #toMaster: ToMaster;
  readonly #answer: (request: ForwardedRequest) => Promise<Outcome>;

  /** @param answer answers what is not a datagram; never rejects */
  constructor(log: ReplicatedLog, toMaster: ToMaster, answer: (request: ForwardedRequest) => Promise<Outcome>) {
    this.#log = log;
    this.#toMaster = toMaster;
    this.#answer = answer;
    const { self } = log.status;
    const send = (to: MemberId, message: Uint8Array) => {
      if (to === self) this.#receive(self, message);
      else log.send(to, message);
    };
    this.sockets = [new ForwardedSocket(4, send), new ForwardedSocket(6, send)];
    log.onMessage((from, message) => this.#receive(from, message));
  }

  /** Answers, as the new master, what this instance was asked while there was none. */
  answerHeld(): void {
    if (!this.#log.mayAnswer()) return;
    for (const bundle of this.#toMaster.takeHeld()) this.#receive(this.#log.status.self, bundle);
  }

  #receive(from: MemberId, message: Uint8Array): void {
    try {
      switch (message[0]) {
        case KIND_DATAGRAMS: {
          const bundle = new BundleReader(message);
          this.sockets[bundle.family === 4 ? 0 : 1].receive(from, bundle);
          return;
        }
        case KIND_REPLIES:
          this.#toMaster.replies(new BundleReader(message));
          return;
        case KIND_REQUEST:
          void this.#request(from, message);
          return;
        case KIND_OUTCOME:
          this.#toMaster.outcome(message);
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  async #request(from: MemberId, message: Uint8Array): Promise<void> {
    const decoded = decodeRequest(message);
    if (decoded === undefined) return;
    const outcome = await this.#answer(decoded.request);
    this.#log.send(from, encodeOutcome(decoded.id, outcome));
  }
}
