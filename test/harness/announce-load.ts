import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  EVENT_COMPLETED,
  EVENT_STARTED,
  EVENT_STOPPED,
  encodeAnnounceRequest,
  parseReply,
} from '../../src/bittorrent/bep15.ts';
import { announceQuery, httpAnnounce } from './http-tracker.ts';
import type { TrackerApi } from './tracker-api.ts';
import { newInfoHash, newTransactionId, UdpClient } from './udp-client.ts';
import { waitFor } from './wait-for.ts';

const HOST = '127.0.0.1';
const CONTENTS = 20;
const SIZE = 5n;
/** Announces by UDP under way at one time. */
const WINDOW = 100;
/** An announce without an answer for so long makes room for another one. */
const GIVEN_UP_AFTER_MS = 3_000;
const EVENTS = { started: EVENT_STARTED, completed: EVENT_COMPLETED, stopped: EVENT_STOPPED } as const;

type PeerState = 'leecher' | 'seeder' | 'gone';

interface LoadContent {
  readonly infoHash: Uint8Array;
  readonly name: string;
  nameAcknowledged: boolean;
  peers: number;
  completed: number;
  /** Downloads said to be completed by announces that were not acknowledged. */
  uncertainCompleted: number;
}

interface LoadPeer {
  readonly content: LoadContent;
  readonly port: number;
  /** What was acknowledged last. */
  acknowledged: PeerState;
  /** What was announced and not acknowledged: the tracker may have it or not. Such a peer is left alone. */
  uncertain: PeerState | undefined;
}

interface Change {
  readonly peer: LoadPeer;
  readonly to: PeerState;
  readonly event: keyof typeof EVENTS;
  readonly completes: boolean;
}

/**
 * Announces that all change something, as fast as they are acknowledged, by UDP and a few by HTTP; and what a tracker
 * must have for it, whatever happened to it meanwhile. It can be started again with another instance on the same
 * folder.
 */
export class AnnounceLoad {
  /** Announces acknowledged so far. */
  acknowledged = 0;
  readonly #contents: LoadContent[] = Array.from({ length: CONTENTS }, (_, i) => ({
    infoHash: newInfoHash(),
    name: `content ${i}`,
    nameAcknowledged: false,
    peers: 0,
    completed: 0,
    uncertainCompleted: 0,
  }));
  readonly #peers: LoadPeer[] = [];
  /** Those that are there, as far as anybody knows for sure. */
  #present: LoadPeer[] = [];

  /** Begins; disposing of the result ends it. */
  async start({ clientPort }: { readonly clientPort: number }): Promise<AsyncDisposable> {
    await using client = await UdpClient.open(HOST, clientPort);
    const connectionId = await client.connect();
    const socket = createSocket('udp4');
    socket.bind(0, HOST);
    await once(socket, 'listening');
    const stopping = new AbortController();
    const ended = Promise.all([
      this.#overUdp(socket, clientPort, connectionId, stopping.signal),
      this.#overHttp(clientPort, stopping.signal),
    ]);
    return {
      async [Symbol.asyncDispose]() {
        stopping.abort();
        await ended;
      },
    };
  }

  /** Waits until `count` more are acknowledged. */
  async acknowledges(count: number): Promise<void> {
    const goal = this.acknowledged + count;
    await waitFor(`${count} announces to be acknowledged`, () => this.acknowledged >= goal);
  }

  /**
   * Sees that the tracker has all that was acknowledged, and nothing that was not announced. What was uncertain is as
   * certain as anything else afterwards.
   */
  async verify(api: TrackerApi): Promise<void> {
    for (const content of this.#contents) {
      const listed = await api.content(content.infoHash);
      const left = new Map((listed?.peers ?? []).map((peer) => [peer.port, peer.left]));
      for (const peer of this.#peers) {
        if (peer.content !== content) continue;
        const actual = stateOf(left.get(peer.port));
        const possible = [peer.acknowledged, peer.uncertain];
        assert.ok(possible.includes(actual), `port ${peer.port} of ${content.name} is ${actual}, and was ${possible}`);
        Object.assign(peer, { acknowledged: actual, uncertain: undefined });
        left.delete(peer.port);
      }
      assert.deepEqual([...left.keys()], [], `${content.name} has peers that never announced`);
      const completed = listed?.completed ?? 0;
      const most = content.completed + content.uncertainCompleted;
      assert.ok(
        completed >= content.completed && completed <= most,
        `${content.name} was completed ${completed} times, and ${content.completed} to ${most} were announced`,
      );
      Object.assign(content, { completed, uncertainCompleted: 0 });
      if (content.nameAcknowledged) assert.equal(listed?.name, content.name);
    }
    this.#present = this.#peers.filter(({ acknowledged }) => acknowledged !== 'gone');
  }

  async #overUdp(socket: Socket, port: number, connectionId: bigint, stopping: AbortSignal): Promise<void> {
    const underWay = new Map<number, { change: Change; sentAt: number }>();
    const fill = () => {
      while (underWay.size < WINDOW && !stopping.aborted) {
        const change = this.#choose();
        const transactionId = newTransactionId();
        underWay.set(transactionId, { change, sentAt: performance.now() });
        socket.send(encodeChange(change, connectionId, transactionId), port, HOST);
      }
    };
    socket.on('message', (datagram) => {
      const reply = parseReply(datagram, 4);
      const answered = underWay.get(reply.transactionId);
      if (answered === undefined) return;
      underWay.delete(reply.transactionId);
      assert.equal(reply.action, 'announce');
      this.#acknowledge(answered.change);
      fill();
    });
    // The tracker was killed: what is under way stays uncertain.
    socket.on('error', () => {});
    const timer = setInterval(() => {
      for (const [id, { sentAt }] of underWay) {
        if (performance.now() - sentAt > GIVEN_UP_AFTER_MS) underWay.delete(id);
      }
      fill();
    }, GIVEN_UP_AFTER_MS);
    fill();
    if (!stopping.aborted) await once(stopping, 'abort');
    clearInterval(timer);
    socket.close();
    await once(socket, 'close');
  }

  async #overHttp(port: number, stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      const change = this.#choose();
      const { peer, to, event } = change;
      const fields = {
        event,
        left: to === 'leecher' ? SIZE.toString() : 0,
        name: encodeURIComponent(peer.content.name),
      };
      try {
        await httpAnnounce(port, announceQuery(peer.content.infoHash, peer.port, fields));
      } catch {
        // Refused, or cut off before the answer: the tracker is stopping or gone, and the change is uncertain.
        return;
      }
      this.#acknowledge(change);
    }
  }

  #choose(): Change {
    const { peer, to } = this.#chooseState();
    peer.uncertain = to;
    const completes = to === 'seeder' && peer.acknowledged !== 'seeder' && randomInt(4) > 0;
    if (completes) peer.content.uncertainCompleted++;
    const event = to === 'gone' ? 'stopped' : completes ? 'completed' : 'started';
    return { peer, to, event, completes };
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

  #acknowledge({ peer, to, completes }: Change): void {
    this.acknowledged++;
    Object.assign(peer, { acknowledged: to, uncertain: undefined });
    if (to !== 'gone') this.#present.push(peer);
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

const PEER_ID = new Uint8Array(20).fill(0x78);
