import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { parseReply } from '../../src/bittorrent/bep15.ts';
import { httpAnnounce } from './http-tracker.ts';
import { changeQuery, encodeChange, LoadPeers, type PeerChange } from './load-peers.ts';
import type { TrackerApi } from './tracker-api.ts';
import { newTransactionId, UdpClient } from './udp-client.ts';

const HOST = '127.0.0.1';
const CONTENTS = 20;
/** Announces by UDP under way at one time. */
const WINDOW = 100;
/** An announce without an answer for so long makes room for another one. */
const GIVEN_UP_AFTER_MS = 3_000;

/**
 * Announces that all change something, as fast as they are acknowledged, by UDP and a few by HTTP; and what a tracker
 * must have for it, whatever happened to it meanwhile. It can be started again with another instance on the same
 * folder.
 */
export class AnnounceLoad {
  readonly #peers = new LoadPeers(CONTENTS);

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
  acknowledges(count: number): Promise<void> {
    return this.#peers.acknowledges(count);
  }

  /**
   * Sees that the tracker has all that was acknowledged, and nothing that was not announced. What was uncertain is as
   * certain as anything else afterwards.
   */
  verify(api: TrackerApi): Promise<void> {
    return this.#peers.verify(api, { settle: true });
  }

  async #overUdp(socket: Socket, port: number, connectionId: bigint, stopping: AbortSignal): Promise<void> {
    const underWay = new Map<number, { change: PeerChange; sentAt: number }>();
    const fill = () => {
      while (underWay.size < WINDOW && !stopping.aborted) {
        const change = this.#peers.choose();
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
      this.#peers.acknowledge(answered.change);
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
      const change = this.#peers.choose();
      try {
        await httpAnnounce(port, changeQuery(change));
      } catch {
        // Refused, or cut off before the answer: the tracker is stopping or gone, and the change is uncertain.
        return;
      }
      this.#peers.acknowledge(change);
    }
  }
}
