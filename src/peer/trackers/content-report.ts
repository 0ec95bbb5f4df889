import { randomInt } from 'node:crypto';
import { UNKNOWN_LEFT } from '../../bittorrent/http-query.ts';
import type { AnnouncedContent, AnnounceFields } from './announcement.ts';

/** What is to be said of a content at this moment, and whether its download was completed here. */
export interface Report {
  readonly fields: AnnounceFields;
  /** Something was missing when announcing began, and now nothing is. */
  readonly isCompleted: boolean;
}

export class ContentReport {
  readonly content: AnnouncedContent;
  /** Tells this peer apart when its address changes. */
  readonly #key = randomInt(2 ** 32);
  #wasIncomplete = false;

  constructor(content: AnnouncedContent) {
    this.content = content;
    this.take();
  }

  /** The fields are those of one moment: an announce that is sent again says what it said. */
  take(): Report {
    const { infoHash, peerId, port, numWant } = this.content;
    const { uploaded, downloaded, left } = this.content.progress();
    if (left !== 0) this.#wasIncomplete = true;
    return {
      fields: {
        infoHash,
        peerId,
        port,
        key: this.#key,
        uploaded,
        downloaded,
        left: left ?? UNKNOWN_LEFT,
        ...(numWant === undefined ? {} : { numWant }),
      },
      isCompleted: this.#wasIncomplete && left === 0,
    };
  }
}
