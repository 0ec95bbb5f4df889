import {
  type AnnounceRequest,
  EVENT_COMPLETED,
  EVENT_NONE,
  EVENT_STARTED,
  EVENT_STOPPED,
  type TrackerReply,
} from '../../bittorrent/bep15.ts';
import type { AnnounceAnswer, AnnounceFields } from './announcement.ts';

const EVENTS = { started: EVENT_STARTED, completed: EVENT_COMPLETED, stopped: EVENT_STOPPED };

/** What a UDP announce says (BEP 15), but for whom it is said to. */
export function udpFields(fields: AnnounceFields): Omit<AnnounceRequest, 'connectionId' | 'transactionId'> {
  const { infoHash, peerId, port, key, numWant, event } = fields;
  return {
    infoHash,
    peerId,
    port,
    uploaded: BigInt(fields.uploaded),
    downloaded: BigInt(fields.downloaded),
    left: BigInt(fields.left),
    event: event === undefined ? EVENT_NONE : EVENTS[event],
    ...(key === undefined ? {} : { key }),
    ...(numWant === undefined ? {} : { numWant }),
  };
}

export function udpAnswer(reply: Extract<TrackerReply, { action: 'announce' }>): AnnounceAnswer {
  const { intervalSeconds, seeders, leechers, peers } = reply;
  return {
    intervalSeconds,
    minIntervalSeconds: undefined,
    peers: peers.filter(({ port }) => port !== 0),
    seeders,
    leechers,
    warning: undefined,
    externalHost: undefined,
  };
}
