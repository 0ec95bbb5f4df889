import type { Peer } from '../peer/peer.ts';
import { CommandError } from './command-error.ts';

/** Waits until every content of the peer is given up for what is wrong with its files. @throws CommandError PAUSED, and never returns */
export function nothingIsShared({ contents }: Pick<Peer, 'contents'>): Promise<never> {
  return new Promise((_, reject) => {
    const look = () => {
      if (contents.some(({ state, reason }) => state !== 'paused' || reason === undefined)) return;
      reject(new CommandError('PAUSED', 'nothing is shared any more; the messages above say why'));
    };
    for (const content of contents) content.on(look);
    look();
  });
}
