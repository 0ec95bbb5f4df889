// The JSON of a peer's API: the server validates and documents with these schemas, pages and programs parse with them.
// Nothing but zod and the schemas of the tracker's API may be imported here, so that pages can bundle it.

import { z } from 'zod';
import { Sha1Schema } from '../schemas.ts';

/** Most peers in one request. */
const MAX_PEERS = 100;
/** Longest path, link or name, characters. */
const MAX_TEXT = 16 * 1024;

const bytes = z.number().nonnegative();
const count = z.int().nonnegative();
const text = z.string().min(1).max(MAX_TEXT);

export const PeerContentSchema = z
  .object({
    sha1: Sha1Schema,
    name: z.string().nullable(),
    size: bytes.nullable().meta({ description: 'Bytes; null while its metadata is not known' }),
    folder: z.string().meta({ description: 'In which its file or folder lies' }),
    state: z.enum(['metadata', 'checking', 'downloading', 'seeding', 'paused']),
    reason: z.string().nullable().meta({ description: 'Why it is paused, when nobody asked for it' }),
    isPrivate: z.boolean(),
    bytesDone: bytes.meta({ description: 'Bytes that are there and verified' }),
    downloaded: bytes.meta({ description: 'Bytes that came from peers since the start' }),
    uploaded: bytes.meta({ description: 'Bytes that were sent to peers since the start' }),
    downSpeed: bytes.meta({ description: 'Bytes a second' }),
    upSpeed: bytes.meta({ description: 'Bytes a second' }),
    peers: count.meta({ description: 'Peers that it is connected to' }),
    seeders: count.nullable().meta({ description: 'As the trackers said last' }),
    leechers: count.nullable(),
    trackerError: z.string().nullable().meta({ description: 'Why the last announce failed' }),
  })
  .meta({ id: 'PeerContent' });
export type PeerContentView = z.infer<typeof PeerContentSchema>;

export const PeerContentsSchema = z.object({ contents: z.array(PeerContentSchema) }).meta({ id: 'PeerContents' });

export const AddContentSchema = z.strictObject({
  content: text.meta({
    description: 'A sha1, magnet link, path of a torrent file, or a name from the list of contents',
  }),
  folder: text.optional().meta({ description: 'Where it goes, an absolute path; the folder of the peer by default' }),
  peers: z
    .array(z.strictObject({ host: z.string().min(1).max(253), port: z.int().min(1).max(65_535) }))
    .max(MAX_PEERS)
    .default([]),
  sequential: z.boolean().default(false),
  paused: z.boolean().default(false),
});

export const PiecesSchema = z
  .object({
    pieceLength: count.meta({ description: 'Bytes of each piece but the last' }),
    pieceCount: count,
    have: z
      .string()
      .meta({ description: 'Base64 of a bit for each piece, the first one the highest of the first byte' }),
  })
  .meta({ id: 'Pieces' });

export const PeersSchema = z
  .object({
    peers: z.array(
      z.object({
        host: z.string(),
        port: z.int(),
        incoming: z.boolean().meta({ description: 'It came to us; the port is not where it listens' }),
        client: z.string(),
        pieces: count.meta({ description: 'Pieces that it has' }),
        downSpeed: bytes,
        upSpeed: bytes,
        isChoking: z.boolean().meta({ description: 'It sends us nothing at this time' }),
        amChoking: z.boolean(),
        isInterested: z.boolean(),
        amInterested: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'ConnectedPeers' });

export const SharePathSchema = z.strictObject({
  path: text.meta({ description: 'A file or folder on the machine of the peer, an absolute path' }),
});

export const ShareSchema = z
  .object({
    id: z.int().positive(),
    path: z.string(),
    state: z.enum(['hashing', 'done', 'failed']),
    bytesHashed: bytes,
    size: bytes.nullable().meta({ description: 'Bytes; null before all files were found' }),
    sha1: Sha1Schema.nullable().meta({ description: 'When it is done' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'Share' });
export type ShareView = z.infer<typeof ShareSchema>;

export const SharesSchema = z.object({ shares: z.array(ShareSchema) }).meta({ id: 'Shares' });
