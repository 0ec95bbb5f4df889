import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { encodeAnnounceRequest, parseReply } from '../../src/bittorrent/bep15.ts';
import { newTransactionId, UdpClient } from './udp-client.ts';

const HOST = '127.0.0.1';
/** Announces under way at one time. */
const WINDOW = 200;
/** One that was not answered for so long is sent again. */
const RETRY_MS = 1_000;

export interface NamedContent {
  readonly infoHash: Uint8Array;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/** Announces a seeder of each of the contents by UDP, as quickly as they are acknowledged; resolves when all are. */
export async function announceContents(clientPort: number, contents: readonly NamedContent[]): Promise<void> {
  await using client = await UdpClient.open(HOST, clientPort);
  const connectionId = await client.connect();
  const socket = createSocket('udp4');
  socket.bind(0, HOST);
  await once(socket, 'listening');
  const underWay = new Map<number, { datagram: Uint8Array; sentAt: number }>();
  let next = 0;
  const send = (transactionId: number, datagram: Uint8Array) => {
    underWay.set(transactionId, { datagram, sentAt: performance.now() });
    socket.send(datagram, clientPort, HOST);
  };
  const fill = () => {
    while (underWay.size < WINDOW && next < contents.length) {
      const { infoHash, name, size } = contents[next++];
      const transactionId = newTransactionId();
      const urlData = `/announce?name=${encodeURIComponent(name)}&size=${size}`;
      const { peerId } = client;
      const counts = { downloaded: 0n, uploaded: 0n, left: 0n, numWant: 0, port: 6881 };
      send(transactionId, encodeAnnounceRequest({ ...counts, connectionId, transactionId, infoHash, peerId, urlData }));
    }
  };
  const timer = setInterval(() => {
    for (const [id, { datagram, sentAt }] of underWay) if (performance.now() - sentAt > RETRY_MS) send(id, datagram);
  }, RETRY_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (datagram) => {
        const reply = parseReply(datagram, 4);
        if (reply.action !== 'announce' || !underWay.delete(reply.transactionId)) return;
        if (underWay.size === 0 && next === contents.length) resolve();
        else fill();
      });
      fill();
      if (contents.length === 0) resolve();
    });
  } finally {
    clearInterval(timer);
    socket.close();
  }
}
