import assert from 'node:assert/strict';
import type { SwarmkeeperInstance } from '../harness/start-swarmkeeper.ts';
import { newInfoHash, UdpClient } from '../harness/udp-client.ts';

/** Between two looks whether the tracker keeps up: what comes faster, the kernel drops, and it proves nothing. */
const PACE = 100;

/**
 * Sends the datagrams from a socket of their own and sees that nothing comes back: the tracker takes datagrams in
 * their order, so whatever it has to say to these it has said by the time that it answers later ones.
 */
export async function staysUnanswered(
  tracker: SwarmkeeperInstance,
  from: { readonly host?: string; readonly localAddress?: string },
  datagrams: readonly Uint8Array[],
): Promise<void> {
  const { host = '127.0.0.1', ...options } = from;
  await using quiet = await UdpClient.open(host, tracker.clientPort, options);
  await using other = await UdpClient.open(host, tracker.clientPort);
  for (const [i, datagram] of datagrams.entries()) {
    await quiet.send(datagram);
    if (i % PACE === 0) await other.connect();
  }
  // One that is answered at once, and one that waits for the log as an announce would.
  await other.connect();
  await other.announce({ infoHash: newInfoHash() });
  assert.deepEqual(quiet.received, []);
}
