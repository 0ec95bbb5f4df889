import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { EVENT_COMPLETED, EVENT_STARTED, EVENT_STOPPED, encodeAnnounceRequest } from '../../src/bittorrent/bep15.ts';
import { announceQuery } from './http-tracker.ts';
import type { TrackerApi } from './tracker-api.ts';
import { newInfoHash } from './udp-client.ts';
import { waitFor } from './wait-for.ts';

const SIZE = 5n;
const EVENTS = { started: EVENT_STARTED, completed: EVENT_COMPLETED, stopped: EVENT_STOPPED } as const;
const PEER_ID = new Uint8Array(20).fill(0x78);

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
  /** What is announced and not acknowledged: the tracker may have it or not. Such a peer is left alone. */
  uncertain: PeerState | undefined;
}

/** What a peer of a load announces next. */
export interface PeerChange {
  readonly peer: LoadPeer;
  readonly to: PeerState;
  readonly event: keyof typeof EVENTS;
  readonly completes: boolean;
}

/** Peers that come, complete and stop, one announce after the other; and what a tracker must have for it. */
export class LoadPeers {
  /** Announces acknowledged so far. */
  acknowledged = 0;
  readonly #contents: readonly LoadContent[];
  readonly #peers: LoadPeer[] = [];
  /** Those that are there and may change. */
  #present: LoadPeer[] = [];

  constructor(contents: number) {
    this.#contents = Array.from({ length: contents }, (_, i) => ({
      infoHash: newInfoHash(),
      name: `content ${i}`,
      nameAcknowledged: false,
      peers: 0,
      completed: 0,
      uncertainCompleted: 0,
    }));
  }

  get infoHashes(): readonly Uint8Array[] {
    return this.#contents.map(({ infoHash }) => infoHash);
  }

  /** Something to announce: until it is acknowledged, the tracker may have it or not. */
  choose(): PeerChange {
    const { peer, to } = this.#chooseState();
    peer.uncertain = to;
    const completes = to === 'seeder' && peer.acknowledged !== 'seeder' && randomInt(4) > 0;
    if (completes) peer.content.uncertainCompleted++;
    const event = to === 'gone' ? 'stopped' : completes ? 'completed' : 'started';
    return { peer, to, event, completes };
  }

  #chooseState(): { peer: LoadPeer; to: PeerState } {
    if (this.#present.length === 0 || randomInt(10) < 6) {
      const content = this.#contents[randomInt(this.#contents.length)];
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

  /** @param mayChange whether the peer may announce something else later */
  acknowledge({ peer, to, completes }: PeerChange, mayChange = true): void {
    this.acknowledged++;
    peer.acknowledged = to;
    peer.uncertain = undefined;
    if (to !== 'gone' && mayChange) this.#present.push(peer);
    // Every announce says the name.
    if (to !== 'gone') peer.content.nameAcknowledged = true;
    if (!completes) return;
    peer.content.uncertainCompleted--;
    peer.content.completed++;
  }

  /** Waits until `count` more are acknowledged. */
  async acknowledges(count: number): Promise<void> {
    const goal = this.acknowledged + count;
    await waitFor(`${count} announces to be acknowledged`, () => this.acknowledged >= goal);
  }

  /**
   * Sees that a tracker has all that was acknowledged, and nothing that was not announced.
   * @param where for the message of a test that fails
   * @param settle nothing is under way any more: what was uncertain is as certain as anything else from here on
   */
  async verify(api: TrackerApi, { where = 'the tracker', settle = false } = {}): Promise<void> {
    for (const content of this.#contents) {
      const listed = await api.content(content.infoHash);
      const left = new Map((listed?.peers ?? []).map((peer) => [peer.port, peer.left]));
      for (const peer of this.#peers) {
        if (peer.content !== content) continue;
        const actual = stateOf(left.get(peer.port));
        const possible = [peer.acknowledged, peer.uncertain].filter((state) => state !== undefined);
        assert.ok(
          possible.includes(actual),
          `at ${where} port ${peer.port} of ${content.name} is ${actual}, and was ${possible.join(', perhaps ')}`,
        );
        if (settle) Object.assign(peer, { acknowledged: actual, uncertain: undefined });
        left.delete(peer.port);
      }
      assert.deepEqual([...left.keys()], [], `at ${where} ${content.name} has peers that never announced`);
      const completed = listed?.completed ?? 0;
      const most = content.completed + content.uncertainCompleted;
      assert.ok(
        completed >= content.completed && completed <= most,
        `at ${where} ${content.name} was completed ${completed} times, and ${content.completed} to ${most} were announced`,
      );
      if (settle) Object.assign(content, { completed, uncertainCompleted: 0 });
      if (content.nameAcknowledged) assert.equal(listed?.name, content.name, `at ${where}`);
    }
    if (settle) this.#present = this.#peers.filter(({ acknowledged }) => acknowledged !== 'gone');
  }
}

/** The announce by UDP. */
export function encodeChange(change: PeerChange, connectionId: bigint, transactionId: number): Uint8Array {
  const { infoHash, name } = change.peer.content;
  return encodeAnnounceRequest({
    connectionId,
    transactionId,
    infoHash,
    peerId: PEER_ID,
    port: change.peer.port,
    event: EVENTS[change.event],
    left: leftOf(change),
    downloaded: 0n,
    uploaded: 0n,
    numWant: 10,
    urlData: `/announce?name=${encodeURIComponent(name)}`,
  });
}

/** The announce by HTTP. */
export function changeQuery(change: PeerChange): string {
  const { content, port } = change.peer;
  return announceQuery(content.infoHash, port, {
    event: change.event,
    left: leftOf(change).toString(),
    name: encodeURIComponent(content.name),
  });
}

function leftOf({ to }: PeerChange): bigint {
  return to === 'leecher' ? SIZE : 0n;
}

function stateOf(left: number | undefined): PeerState {
  if (left === undefined) return 'gone';
  return left === 0 ? 'seeder' : 'leecher';
}
