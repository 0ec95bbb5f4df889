import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import {
  EVENT_COMPLETED,
  EVENT_STARTED,
  EVENT_STOPPED,
  encodeAnnounceRequest,
  encodeConnectRequest,
  type TrackerReply,
} from '../../src/bittorrent/bep15.ts';
import { announceQuery, httpAnnounce } from '../harness/http-tracker.ts';
import type { TrackerApi } from '../harness/tracker-api.ts';
import { newInfoHash, newTransactionId } from '../harness/udp-client.ts';
import { waitFor } from '../harness/wait-for.ts';
import { ClientSocket, type Target } from './client-socket.ts';

const CONTENTS = 8;
const SIZE = 5n;
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
const EVENTS = { started: EVENT_STARTED, completed: EVENT_COMPLETED, stopped: EVENT_STOPPED } as const;

type PeerState = 'leecher' | 'seeder' | 'gone';

interface LoadContent {
  readonly infoHash: Uint8Array;
  readonly name: string;
  nameAcknowledged: boolean;
  peers: number;
  completed: number;
  /** Downloads said to be completed by announces that are not acknowledged. */
  uncertainCompleted: number;
}

interface LoadPeer {
  readonly content: LoadContent;
  readonly port: number;
  /** What was acknowledged last. */
  acknowledged: PeerState;
  /** What is announced and not acknowledged: the cluster may have it or not. */
  uncertain: PeerState | undefined;
}

interface Change {
  readonly peer: LoadPeer;
  readonly to: PeerState;
  readonly event: keyof typeof EVENTS;
  readonly completes: boolean;
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
  /** Announces acknowledged so far. */
  acknowledged = 0;
  readonly #targets: LoadTargets;
  readonly #contents: LoadContent[] = Array.from({ length: CONTENTS }, (_, i) => ({
    infoHash: newInfoHash(),
    name: `content ${i}`,
    nameAcknowledged: false,
    peers: 0,
    completed: 0,
    uncertainCompleted: 0,
  }));
  readonly #peers: LoadPeer[] = [];
  /** Those that are there and may change. */
  readonly #present: LoadPeer[] = [];

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
    const listed = await Promise.all(this.#contents.map(({ infoHash }) => api.content(infoHash)));
    return Math.max(...listed.flatMap((content) => content?.peers ?? []).map(({ lastSeen }) => lastSeen));
  }

  /** Waits until `count` more are acknowledged. */
  async acknowledges(count: number): Promise<void> {
    const goal = this.acknowledged + count;
    await waitFor(`${count} announces to be acknowledged`, () => this.acknowledged >= goal);
  }

  /** Sees that an instance has all that was acknowledged, and nothing that was not announced. */
  async verify(api: TrackerApi, instance: string): Promise<void> {
    for (const content of this.#contents) {
      const listed = await api.content(content.infoHash);
      const left = new Map((listed?.peers ?? []).map((peer) => [peer.port, peer.left]));
      for (const peer of this.#peers) {
        if (peer.content !== content) continue;
        const actual = stateOf(left.get(peer.port));
        const possible = [peer.acknowledged, peer.uncertain].filter((state) => state !== undefined);
        assert.ok(
          possible.includes(actual),
          `at ${instance} port ${peer.port} of ${content.name} is ${actual}, and was ${possible.join(', perhaps ')}`,
        );
        left.delete(peer.port);
      }
      assert.deepEqual([...left.keys()], [], `at ${instance} ${content.name} has peers that never announced`);
      const completed = listed?.completed ?? 0;
      const most = content.completed + content.uncertainCompleted;
      assert.ok(
        completed >= content.completed && completed <= most,
        `at ${instance} ${content.name} was completed ${completed} times, and ${content.completed} to ${most} were announced`,
      );
      if (content.nameAcknowledged) assert.equal(listed?.name, content.name, `at ${instance}`);
    }
  }

  async #overUdp(stopping: AbortSignal): Promise<void> {
    await using socket = await ClientSocket.open(this.#targets.client);
    const underWay = new Map<number, Change>();
    let connectionId: bigint | undefined;
    let connectedAt = Number.NEGATIVE_INFINITY;
    let askedAt = Number.NEGATIVE_INFINITY;
    let refusal: TrackerReply | undefined;
    const send = (transactionId: number, change: Change) => {
      change.attempts++;
      change.sentAt = performance.now();
      socket.send(encodeChange(change, connectionId!, transactionId), this.#anyTarget());
    };
    socket.onReply((reply) => {
      if (reply.action === 'connect') {
        connectionId = reply.connectionId;
        connectedAt = performance.now();
        return;
      }
      const change = underWay.get(reply.transactionId);
      if (change === undefined) return;
      underWay.delete(reply.transactionId);
      if (reply.action === 'announce') this.#acknowledge(change);
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
      for (const [transactionId, change] of underWay) {
        if (now - change.sentAt > ASK_AGAIN_MS) send(transactionId, change);
      }
      const due = ((now - startedAt) * CHANGES_PER_SECOND) / 1_000;
      for (; underWay.size < WINDOW && begun < due; begun++) {
        const transactionId = newTransactionId();
        const change = this.#choose();
        underWay.set(transactionId, change);
        send(transactionId, change);
      }
      // What was not begun while nobody answered is not made up for.
      begun = Math.max(begun, due - WINDOW);
    });
  }

  async #overHttp(stopping: AbortSignal): Promise<void> {
    let change = this.#choose();
    await turns(stopping, HTTP_PAUSE_MS, async () => {
      const { peer, to, event } = change;
      const left = to === 'leecher' ? SIZE.toString() : 0;
      const query = announceQuery(peer.content.infoHash, peer.port, {
        event,
        left,
        name: encodeURIComponent(peer.content.name),
      });
      const instances = this.#targets.instances();
      const { host, port } = instances[randomInt(instances.length)];
      change.attempts++;
      const answer = httpAnnounce(port, query, { host });
      // An instance that stands still never answers; nobody waits for it here.
      const answered = await within(HTTP_PATIENCE_MS, answer, stopping);
      if (!answered) return;
      this.#acknowledge(change);
      change = this.#choose();
    });
  }

  #anyTarget(): Target {
    const all = this.#targets.instances();
    return all[randomInt(all.length * 2)] ?? this.#targets.group;
  }

  #choose(): Change {
    const { peer, to } = this.#chooseState();
    peer.uncertain = to;
    const completes = to === 'seeder' && peer.acknowledged !== 'seeder' && randomInt(4) > 0;
    if (completes) peer.content.uncertainCompleted++;
    const event = to === 'gone' ? 'stopped' : completes ? 'completed' : 'started';
    return { peer, to, event, completes, attempts: 0, sentAt: 0 };
  }

  #chooseState(): { peer: LoadPeer; to: PeerState } {
    if (this.#present.length === 0 || randomInt(10) < 6) {
      const content = this.#contents[randomInt(CONTENTS)];
      const peer: LoadPeer = { content, port: ++content.peers, acknowledged: 'gone', uncertain: undefined };
      this.#peers.push(peer);
      return { peer, to: randomInt(3) === 0 ? 'seeder' : 'leecher' };
    }
    const at = randomInt(this.#present.length);
    const peer = this.#present[at];
    this.#present[at] = this.#present[this.#present.length - 1];
    this.#present.pop();
    if (randomInt(3) === 0) return { peer, to: 'gone' };
    return { peer, to: peer.acknowledged === 'leecher' ? 'seeder' : 'leecher' };
  }

  #acknowledge({ peer, to, completes, attempts }: Change): void {
    this.acknowledged++;
    peer.acknowledged = to;
    peer.uncertain = undefined;
    if (to !== 'gone' && attempts === 1) this.#present.push(peer);
    // Every announce says the name.
    if (to !== 'gone') peer.content.nameAcknowledged = true;
    if (!completes) return;
    peer.content.uncertainCompleted--;
    peer.content.completed++;
  }
}

function encodeChange({ peer, to, event }: Change, connectionId: bigint, transactionId: number): Uint8Array {
  const { infoHash, name } = peer.content;
  return encodeAnnounceRequest({
    connectionId,
    transactionId,
    infoHash,
    peerId: PEER_ID,
    port: peer.port,
    event: EVENTS[event],
    left: to === 'leecher' ? SIZE : 0n,
    downloaded: 0n,
    uploaded: 0n,
    numWant: 10,
    urlData: `/announce?name=${encodeURIComponent(name)}`,
  });
}

function stateOf(left: number | undefined): PeerState {
  if (left === undefined) return 'gone';
  return left === 0 ? 'seeder' : 'leecher';
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

const HTTP_PATIENCE_MS = 1_000;
const PEER_ID = new Uint8Array(20).fill(0x78);
