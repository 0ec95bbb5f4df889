import assert from 'node:assert/strict';
import { EVENT_STARTED, encodeAnnounceRequest, encodeConnectRequest } from '../../src/bittorrent/bep15.ts';
import { newInfoHash } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';
import { ClientSocket, type Target } from './client-socket.ts';

/** Requests go out in small groups, because timers are not finer. */
const TURN_MS = 5;
/** One peer of the watch that announces again and again is answered from memory. */
const FIRST_PORT = 1;
const LAST_PORT = 65_535;
/** Without an answer for so long, nobody is a master who may answer. */
const SILENCE_MS = 1_000;
/** Every so many turns a new peer, which is answered out of the log. */
const TURNS_PER_ARRIVAL = 8;

interface Asked {
  /** Arrivals acknowledged when it was sent: whoever answers knows of them. */
  readonly known: number;
  readonly arrives: boolean;
  readonly replies: Answer[];
}

interface Answer {
  /** Port of the instance that answered. */
  readonly source: number;
  /** How many peers of the watch it knew; undefined for a connect. */
  readonly peers: number | undefined;
}

/**
 * Asks the group all the time, and keeps who answered what. Two masters would show in one of three ways: a request answered
 * twice, sources that take turns more often than mastership changed, an answer that lacks what was acknowledged before the
 * question.
 */
export class AnswerWatch {
  readonly #socket: ClientSocket;
  readonly #group: Target;
  readonly #infoHash = newInfoHash();
  /** By transaction ID, which counts from 1. */
  readonly #asked: Asked[] = [];
  /** Ports of those who answered, in order, each run of one source once. */
  readonly #sources: number[] = [];
  readonly #acknowledged = new Set<number>();
  #connectionId: bigint | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;
  #lastAnswerAt = performance.now();
  #longestSilenceMs = 0;

  /**
   * @param group where the cluster answers
   * @param host address to ask from
   */
  static async start(group: Target, host: string): Promise<AnswerWatch> {
    const watch = new AnswerWatch(await ClientSocket.open(host), group);
    watch.#timer = setInterval(() => watch.#ask(), TURN_MS);
    return watch;
  }

  private constructor(socket: ClientSocket, group: Target) {
    this.#socket = socket;
    this.#group = group;
    socket.onReply((reply, source) => {
      const asked = this.#asked[reply.transactionId - 1];
      assert.ok(asked !== undefined, 'a reply to nothing that was asked');
      if (reply.action === 'connect') this.#connectionId = reply.connectionId;
      const peers = reply.action === 'announce' ? reply.leechers : undefined;
      asked.replies.push({ source, peers });
      if (asked.arrives) this.#acknowledged.add(reply.transactionId);
      if (this.#sources.at(-1) !== source) this.#sources.push(source);
      const now = performance.now();
      this.#longestSilenceMs = Math.max(this.#longestSilenceMs, now - this.#lastAnswerAt);
      this.#lastAnswerAt = now;
    });
  }

  /** Who answered, each run of answers of one source once. */
  get sources(): readonly number[] {
    return this.#sources;
  }

  /** For a look at the output of a test; nothing is asserted of it. */
  get longestSilenceMs(): number {
    return Math.round(this.#longestSilenceMs);
  }

  /** Waits until a request that is sent from now on is answered. */
  async answered(): Promise<void> {
    const from = this.#asked.length;
    await waitFor('an answer of the master', () => this.#asked.slice(from).some(({ replies }) => replies.length > 0));
  }

  /** Waits until nobody has answered for a while. */
  async silent(): Promise<void> {
    await waitFor('nobody to answer', () => performance.now() - this.#lastAnswerAt > SILENCE_MS);
  }

  /** Stops asking. */
  async close(): Promise<void> {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#socket[Symbol.asyncDispose]();
  }

  /**
   * Sees that there was one master at a time.
   * @param changes of mastership at most: terms that have passed meanwhile
   */
  check(changes: number): void {
    for (const [i, { known, arrives, replies }] of this.#asked.entries()) {
      assert.ok(
        replies.length <= 1,
        `request ${i + 1} was answered by ${replies.map(({ source }) => source).join(' and ')}`,
      );
      for (const { source, peers } of replies) {
        if (peers === undefined) continue;
        const least = known + (arrives ? 1 : 0);
        assert.ok(
          peers >= least,
          `${source} knew ${peers} peers of the watch in answer ${i + 1}, ${least} were certain`,
        );
      }
    }
    assert.ok(
      this.#sources.length - 1 <= changes,
      `in ${changes} changes of mastership the answers came from ${this.#sources.join(', ')}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #ask(): void {
    this.#turn++;
    const transactionId = this.#asked.length + 1;
    const arrives = this.#connectionId !== undefined && this.#turn % TURNS_PER_ARRIVAL === 0;
    const again = this.#connectionId !== undefined && this.#turn % 2 === 1;
    this.#asked.push({ known: this.#acknowledged.size, arrives, replies: [] });
    this.#socket.send(
      arrives || again
        ? encodeAnnounceRequest({
            connectionId: this.#connectionId!,
            transactionId,
            infoHash: this.#infoHash,
            peerId: PEER_ID,
            port: arrives ? FIRST_PORT + (transactionId % LAST_PORT) : FIRST_PORT,
            event: EVENT_STARTED,
            left: 1n,
            downloaded: 0n,
            uploaded: 0n,
            numWant: 0,
          })
        : encodeConnectRequest(transactionId),
      this.#group,
    );
  }
}

const PEER_ID = new Uint8Array(20).fill(0x77);
