import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { encodeConnectRequest, type TrackerReply } from '../../src/bittorrent/bep15.ts';
import { httpAnnounce } from '../harness/http-tracker.ts';
import { changeQuery, encodeChange, LoadPeers, type PeerChange } from '../harness/load-peers.ts';
import type { TrackerApi } from '../harness/tracker-api.ts';
import { newTransactionId } from '../harness/udp-client.ts';
import { ClientSocket, type Target } from './client-socket.ts';

const CONTENTS = 8;
/** Announces by UDP under way at one time. */
const WINDOW = 24;
/** Begun at most, a second: the load is to be there, not to take the machine from the tests beside it. */
const CHANGES_PER_SECOND = 800;
const TURN_MS = 10;
/** A client that heard nothing for so long asks again, perhaps elsewhere. */
const ASK_AGAIN_MS = 250;
/** Well within the two minutes that a connection ID lives. */
const NEW_ID_MS = 30_000;
const HTTP_PAUSE_MS = 20;
const HTTP_PATIENCE_MS = 1_000;

/** An announce, sent until it is answered. */
interface Announcing {
  readonly change: PeerChange;
  attempts: number;
  sentAt: number;
}

export interface LoadTargets {
  /** Where peers ask by multicast. */
  readonly group: Target;
  /** All instances, dead ones too: a client cannot know. */
  readonly instances: () => readonly Target[];
  /** Address to ask from. */
  readonly client: string;
}

/**
 * Peers that come, complete and stop, by multicast, by UDP and by HTTP at any instance, and ask again elsewhere when nobody
 * answers; and what every instance must have for it.
 *
 * A peer whose announce was sent more than once changes no more: an early copy may sit in the socket of an instance that
 * stands still, and would be a genuine announce to whom it reaches late. So for each peer it is certain what must be there.
 */
export class ClusterLoad {
  readonly #targets: LoadTargets;
  readonly #peers = new LoadPeers(CONTENTS);

  constructor(targets: LoadTargets) {
    this.#targets = targets;
  }

  /** Begins; disposing of the result ends it, and what is under way stays uncertain. */
  async start(): Promise<AsyncDisposable> {
    const stopping = new AbortController();
    const ended = Promise.all([this.#overUdp(stopping.signal), this.#overHttp(stopping.signal)]);
    // A failure must not wait for the end to be told, nor be nobody's before.
    ended.catch(() => stopping.abort());
    return {
      async [Symbol.asyncDispose]() {
        stopping.abort();
        await ended;
      },
    };
  }

  /** When a peer of the load announced last, by the clock of an instance: Unix time, milliseconds. */
  async latestAnnounce(api: TrackerApi): Promise<number> {
    const listed = await Promise.all(this.#peers.infoHashes.map((infoHash) => api.content(infoHash)));
    return Math.max(...listed.flatMap((content) => content?.peers ?? []).map(({ lastSeen }) => lastSeen));
  }

  /** Announces acknowledged so far. */
  get acknowledged(): number {
    return this.#peers.acknowledged;
  }

  /** Waits until `count` more are acknowledged. */
  acknowledges(count: number): Promise<void> {
    return this.#peers.acknowledges(count);
  }

  /** Sees that an instance has all that was acknowledged, and nothing that was not announced. */
  verify(api: TrackerApi, instance: string): Promise<void> {
    return this.#peers.verify(api, { where: instance });
  }

  async #overUdp(stopping: AbortSignal): Promise<void> {
    await using socket = await ClientSocket.open(this.#targets.client);
    const underWay = new Map<number, Announcing>();
    let connectionId: bigint | undefined;
    let connectedAt = Number.NEGATIVE_INFINITY;
    let askedAt = Number.NEGATIVE_INFINITY;
    let refusal: TrackerReply | undefined;
    const send = (transactionId: number, announcing: Announcing) => {
      announcing.attempts++;
      announcing.sentAt = performance.now();
      socket.send(encodeChange(announcing.change, connectionId!, transactionId), this.#anyTarget());
    };
    socket.onReply((reply) => {
      if (reply.action === 'connect') {
        connectionId = reply.connectionId;
        connectedAt = performance.now();
        return;
      }
      const announcing = underWay.get(reply.transactionId);
      if (announcing === undefined) return;
      underWay.delete(reply.transactionId);
      if (reply.action === 'announce') this.#acknowledge(announcing);
      else refusal ??= reply;
    });
    let begun = 0;
    const startedAt = performance.now();
    await turns(stopping, TURN_MS, () => {
      assert.equal(refusal, undefined, 'the cluster replied to an announce with something else');
      const now = performance.now();
      if (now - connectedAt > NEW_ID_MS && now - askedAt > ASK_AGAIN_MS) {
        askedAt = now;
        socket.send(encodeConnectRequest(newTransactionId()), this.#anyTarget());
      }
      if (connectionId === undefined) return;
      for (const [transactionId, announcing] of underWay) {
        if (now - announcing.sentAt > ASK_AGAIN_MS) send(transactionId, announcing);
      }
      const due = ((now - startedAt) * CHANGES_PER_SECOND) / 1_000;
      for (; underWay.size < WINDOW && begun < due; begun++) {
        const transactionId = newTransactionId();
        const announcing = this.#next();
        underWay.set(transactionId, announcing);
        send(transactionId, announcing);
      }
      // What was not begun while nobody answered is not made up for.
      begun = Math.max(begun, due - WINDOW);
    });
  }

  async #overHttp(stopping: AbortSignal): Promise<void> {
    let announcing = this.#next();
    await turns(stopping, HTTP_PAUSE_MS, async () => {
      const instances = this.#targets.instances();
      const { host, port } = instances[randomInt(instances.length)];
      announcing.attempts++;
      const answer = httpAnnounce(port, changeQuery(announcing.change), { host });
      // An instance that stands still never answers; nobody waits for it here.
      const answered = await within(HTTP_PATIENCE_MS, answer, stopping);
      if (!answered) return;
      this.#acknowledge(announcing);
      announcing = this.#next();
    });
  }

  #anyTarget(): Target {
    const all = this.#targets.instances();
    return all[randomInt(all.length * 2)] ?? this.#targets.group;
  }

  #next(): Announcing {
    return { change: this.#peers.choose(), attempts: 0, sentAt: 0 };
  }

  #acknowledge({ change, attempts }: Announcing): void {
    this.#peers.acknowledge(change, attempts === 1);
  }
}

/** Does something again and again, until it is told to stop. */
async function turns(stopping: AbortSignal, pauseMs: number, turn: () => void | Promise<void>): Promise<void> {
  while (!stopping.aborted) {
    await turn();
    await pause(pauseMs);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Whether it came about in time: refused, cut off and too late are all the same to a client. */
async function within(patienceMs: number, answer: Promise<unknown>, stopping: AbortSignal): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const giveUp = () => resolve(false);
  const timer = setTimeout(giveUp, patienceMs);
  stopping.addEventListener('abort', giveUp);
  try {
    return await Promise.race([
      answer.then(
        () => true,
        () => false,
      ),
      late,
    ]);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', giveUp);
  }
}
