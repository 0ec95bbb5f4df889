import type { Peer } from '../peer/peer.ts';
import { type OpenPeerOptions, openPeer, type PeerCommandOptions } from './peer-options.ts';
import { TransferView } from './transfer-view.ts';

/**
 * Opens a peer and a view of what it does, and closes both when the work is done or failed.
 * @throws as `Peer.open`, the work or, if that went well, `Peer.close`
 */
export async function withPeer(
  options: PeerCommandOptions,
  dataFolder: string,
  work: (peer: Peer, view: TransferView) => Promise<void>,
  open: OpenPeerOptions = {},
): Promise<void> {
  const view = new TransferView(options.json === true);
  try {
    const peer = await openPeer(options, dataFolder, open);
    let failure: unknown;
    try {
      await work(peer, view);
    } catch (error) {
      failure = error;
    }
    // What is wrong with the files may keep the peer from a clean stop too; the first word on it is the clearest.
    await peer.close().catch((error) => {
      failure ??= error;
    });
    if (failure !== undefined) throw failure;
  } finally {
    view.close();
  }
}
