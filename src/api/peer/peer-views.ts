import type { Peer } from '../../peer/peer.ts';
import type { PeerContent } from '../../peer/peer-content.ts';
import type { ConnectedPeerView, PeerContentView, RatesView } from './peer-schemas.ts';

/** A content as the API shows it. */
export function contentView(content: PeerContent): PeerContentView {
  const { sha1, name, size, folder, state, reason, isPrivate, download, announcing } = content;
  const now = download?.now() ?? 0;
  return {
    sha1,
    name: name ?? null,
    size: size ?? null,
    folder,
    state,
    reason: reason ?? null,
    isPrivate,
    bytesDone: download?.bytesDone ?? 0,
    downloaded: download?.downMeter.total ?? 0,
    uploaded: download?.upMeter.total ?? 0,
    downSpeed: Math.round(download?.downMeter.bytesPerSecond(now) ?? 0),
    upSpeed: Math.round(download?.upMeter.bytesPerSecond(now) ?? 0),
    peers: download?.sessions.size ?? 0,
    seeders: announcing?.seeders ?? null,
    leechers: announcing?.leechers ?? null,
    trackerError: announcing?.failure?.message ?? null,
  };
}

/** The peers that a content is connected to. */
export function peerViews({ download }: PeerContent): ConnectedPeerView[] {
  if (!download) return [];
  const now = download.now();
  return [...download.sessions.values()].map((session) => ({
    ...session.link.remote,
    incoming: session.link.incoming,
    client: session.extensions.client,
    pieces: session.pieces.bits.count,
    downSpeed: Math.round(session.downMeter.bytesPerSecond(now)),
    upSpeed: Math.round(session.upMeter.bytesPerSecond(now)),
    isChoking: session.isChoking,
    amChoking: session.amChoking,
    isInterested: session.isInterested,
    amInterested: session.amInterested,
  }));
}

export function ratesView({ rates: { upload, download } }: Peer): RatesView {
  return { upload: Number.isFinite(upload) ? upload : null, download: Number.isFinite(download) ? download : null };
}
