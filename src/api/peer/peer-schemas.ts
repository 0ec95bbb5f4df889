// The JSON of a peer's API: the server validates and documents with these schemas, pages and programs parse with them.
// Nothing but zod and the schemas of the tracker's API may be imported here, so that pages can bundle it.

import { z } from 'zod';
import { ContentsSchema, Sha1Schema } from '../schemas.ts';

/** Most peers in one request. */
const MAX_PEERS = 100;
/** Longest path, link or name, characters. */
const MAX_TEXT = 16 * 1024;
/** Longest name of one file, as UTF-8: the limit of the file systems in use. */
export const MAX_NAME_BYTES = 255;
/** Files on one page of the list. */
export const MAX_FILES_PAGE = 1_000;
/** Entries of a folder that are shown. */
export const MAX_ENTRIES = 5_000;
/** A sample of sent and received covers so much, milliseconds. */
export const SAMPLE_MS = 1_000;
/** Samples that are kept: the last ten minutes. */
export const MAX_SAMPLES = 600;
/** Changes are told at most so often. */
export const LOOK_MS = 100;

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
  name: z
    .string()
    .max(MAX_TEXT)
    .optional()
    .meta({ description: 'What to call it until its metadata is known, where `content` is a sha1' }),
  folder: text.optional().meta({ description: 'Where it goes, an absolute path; the folder of the peer by default' }),
  peers: z
    .array(z.strictObject({ host: z.string().min(1).max(253), port: z.int().min(1).max(65_535) }))
    .max(MAX_PEERS)
    .default([]),
  sequential: z.boolean().default(false),
  paused: z.boolean().default(false),
});

const flag = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .default('false')
  .transform((value) => value === 'true');

/** The same beside an uploaded torrent file. */
export const AddTorrentQuerySchema = z.object({
  folder: text.optional().meta({ description: 'Where it goes, an absolute path; the folder of the peer by default' }),
  sequential: flag,
  paused: flag,
});

// ---- The list of the cluster ----

/** As an instance gives it, but for its log index. */
export const ClusterContentsSchema = ContentsSchema.omit({ appliedIndex: true }).meta({ id: 'ClusterContents' });
export type ClusterContentsView = z.infer<typeof ClusterContentsSchema>;

// ---- Pieces, peers and files of a content ----

export const PiecesSchema = z
  .object({
    pieceLength: count.meta({ description: 'Bytes of each piece but the last' }),
    pieceCount: count,
    have: z
      .string()
      .meta({ description: 'Base64 of a bit for each piece, the first one the highest of the first byte' }),
  })
  .meta({ id: 'Pieces' });

/** A byte of a piece map: the piece is here, ... */
export const PIECE_HERE = 255;
/** ... it is being fetched, or else it is missing, and so many connected peers have it; at most ... */
export const PIECE_ACTIVE = 254;
export const MAX_AVAILABILITY = 253;

export const PieceMapSchema = z
  .object({
    pieceLength: count.meta({ description: 'Bytes of each piece but the last' }),
    pieceCount: count,
    map: z.base64().meta({
      description: `Base64 of a byte for each piece: ${PIECE_HERE} is here, ${PIECE_ACTIVE} is being fetched; others are missing, and so many peers have it`,
    }),
  })
  .meta({ id: 'PieceMap' });
export type PieceMapView = z.infer<typeof PieceMapSchema>;

/** Pieces that changed: the first of them, and their bytes of the map, base64. */
export const PieceRunSchema = z.tuple([count, z.base64()]);
export type PieceRun = z.infer<typeof PieceRunSchema>;

export const ConnectedPeerSchema = z
  .object({
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
  })
  .meta({ id: 'ConnectedPeer' });
export type ConnectedPeerView = z.infer<typeof ConnectedPeerSchema>;

export const PeersSchema = z.object({ peers: z.array(ConnectedPeerSchema) }).meta({ id: 'ConnectedPeers' });

export const FilesQuerySchema = z.object({
  after: z.coerce.number().int().min(0).default(0).meta({ description: '`next` of the page before' }),
  limit: z.coerce.number().int().min(1).max(MAX_FILES_PAGE).default(100),
});

export const FilesSchema = z
  .object({
    files: z.array(
      z.object({
        path: z.string().meta({ description: 'From the folder of the content on, with slashes' }),
        size: bytes,
        bytesDone: bytes.meta({ description: 'Of its pieces that are there and verified' }),
      }),
    ),
    total: count,
    next: count.nullable().meta({ description: 'Pass as `after` for the next page; null on the last' }),
  })
  .meta({ id: 'Files' });
export type FilesView = z.infer<typeof FilesSchema>;

// ---- Sharing ----

export const SharePathSchema = z.union([
  z.strictObject({
    path: text.meta({ description: 'A file or folder on the machine of the peer, an absolute path' }),
  }),
  z.strictObject({
    entry: z
      .string()
      .max(MAX_TEXT)
      .meta({ description: 'A file or folder in the folder that may be shared from, with slashes' }),
  }),
]);

export const ShareSchema = z
  .object({
    id: z.int().positive(),
    path: z.string(),
    state: z.enum(['receiving', 'waiting', 'hashing', 'done', 'failed']).meta({
      description: 'An upload is received first; then it waits for others to be hashed, is hashed and shared',
    }),
    bytesReceived: bytes.nullable().meta({ description: 'Of an upload; null where nothing is uploaded' }),
    bytesHashed: bytes,
    size: bytes.nullable().meta({ description: 'Bytes; null before all files were found' }),
    sha1: Sha1Schema.nullable().meta({ description: 'When it is done' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: 'Share' });
export type ShareView = z.infer<typeof ShareSchema>;

export const SharesSchema = z.object({ shares: z.array(ShareSchema) }).meta({ id: 'Shares' });
export const ShareParamsSchema = z.object({ id: z.coerce.number().int().positive() });

export const UploadQuerySchema = z.object({
  name: z.string().min(1).max(MAX_NAME_BYTES).meta({ description: 'What the file is called: a name, no path' }),
});

export const FolderQuerySchema = z.object({
  path: z.string().max(MAX_TEXT).default('').meta({ description: 'Names with slashes; empty for the folder itself' }),
});

export const FolderSchema = z
  .object({
    path: z.string(),
    entries: z
      .array(
        z.object({
          name: z.string(),
          kind: z.enum(['file', 'folder']),
          size: bytes.nullable().meta({ description: 'Bytes of a file' }),
          modified: z.number().meta({ description: 'Unix time, milliseconds' }),
        }),
      )
      .meta({ description: 'Folders first, in the order of their names. Links and hidden files are left out' }),
    isComplete: z.boolean().meta({ description: `Whether these are all; of very many ${MAX_ENTRIES} are shown` }),
  })
  .meta({ id: 'Folder' });
export type FolderView = z.infer<typeof FolderSchema>;

// ---- The peer itself ----

const rate = bytes.nullable().meta({ description: 'Bytes a second of all contents together; null: no limit' });
export const RatesSchema = z.object({ upload: rate, download: rate }).meta({ id: 'Rates' });
export type RatesView = z.infer<typeof RatesSchema>;
/** Least limit: a slower one would end conversations. */
export const MIN_RATE = 1024;
const newRate = z.number().min(MIN_RATE).nullable().optional();
export const RatesChangeSchema = z.strictObject({ upload: newRate, download: newRate });

export const PeerStatusSchema = z
  .object({
    port: z.int().meta({ description: 'Where other peers reach this one, TCP' }),
    tracker: z
      .string()
      .nullable()
      .meta({ description: 'HOST:PORT of the instance that answered last; null: none does' }),
    downloads: z.string().meta({ description: 'Where contents go for which no folder is named' }),
    shareFolder: z.string().nullable().meta({ description: 'From which the pages may share; null: none was allowed' }),
    uploads: z.string().meta({ description: 'Where uploaded files go' }),
    rates: RatesSchema,
  })
  .meta({ id: 'PeerStatus' });
export type PeerStatus = z.infer<typeof PeerStatusSchema>;

/** Bytes that came from and went to peers in SAMPLE_MS. */
export const TransferSampleSchema = z.tuple([bytes, bytes]);
export type TransferSample = z.infer<typeof TransferSampleSchema>;

export const TransferSchema = z
  .object({
    at: z.number().meta({ description: 'End of the last sample, Unix time in milliseconds' }),
    samples: z.array(TransferSampleSchema).max(MAX_SAMPLES).meta({ description: 'Received and sent, oldest first' }),
    downloaded: bytes.meta({ description: 'Since the start' }),
    uploaded: bytes,
  })
  .meta({ id: 'Transfer' });
export type TransferView = z.infer<typeof TransferSchema>;

// ---- Events ----
//
// | stream                          | event      | data            | when                                                 |
// |---------------------------------|------------|-----------------|------------------------------------------------------|
// | `/api/v1/events`                | `snapshot` | PeerSnapshot    | first; again to a listener that fell behind          |
// |                                 | `changes`  | PeerChanges     | at most every LOOK_MS                                |
// | `/api/v1/contents/SHA1/events`  | `snapshot` | ContentSnapshot | first; again when its pieces become known            |
// |                                 | `changes`  | ContentChanges  | at most every LOOK_MS                                |
// |                                 | `removed`  | {}              | last: this peer has forgotten the content            |

export const PeerSnapshotSchema = z.object({
  peer: PeerStatusSchema,
  contents: z.array(PeerContentSchema),
  shares: z.array(ShareSchema),
  transfer: TransferSchema,
});
export type PeerSnapshot = z.infer<typeof PeerSnapshotSchema>;

/** What is left out did not change. */
export const PeerChangesSchema = z.object({
  peer: PeerStatusSchema.optional(),
  contents: z.array(PeerContentSchema).optional(),
  removedContents: z.array(Sha1Schema).optional(),
  shares: z.array(ShareSchema).optional(),
  removedShares: z.array(z.int().positive()).optional(),
  transfer: TransferSchema.optional().meta({ description: 'Its samples are the new ones only' }),
});
export type PeerChanges = z.infer<typeof PeerChangesSchema>;

export const ContentSnapshotSchema = z.object({
  pieces: PieceMapSchema.nullable().meta({ description: 'null while its metadata is not known' }),
  peers: z.array(ConnectedPeerSchema),
});
export type ContentSnapshot = z.infer<typeof ContentSnapshotSchema>;

export const ContentChangesSchema = z.object({
  runs: z.array(PieceRunSchema).optional(),
  peers: z.array(ConnectedPeerSchema).optional(),
});
export type ContentChanges = z.infer<typeof ContentChangesSchema>;
