// The JSON of the API, in one place: the server validates and documents with these schemas, the command line and
// the pages parse with them and take their types. Nothing but zod may be imported here, so that pages can bundle it.

import { z } from 'zod';

/** Most contents, sha1s or peers on one page. */
export const MAX_PAGE = 1_000;
export const DEFAULT_PAGE = 100;
/** Most sha1s in one change of an admission list. */
export const MAX_ADMISSION_CHANGE = 1_000;
/** Longest cursor that a client may send back, characters. */
const MAX_CURSOR = 128;

const count = z.int().nonnegative();
const hostPort = z.int().min(0).max(65_535);

/** An info-hash; capitals are accepted and made small. */
export const Sha1Schema = z
  .string({ error: 'must be the 40 hexadecimal digits of a sha1' })
  .regex(/^[0-9a-fA-F]{40}$/, { error: 'must be the 40 hexadecimal digits of a sha1' })
  .toLowerCase()
  .meta({ description: 'Info-hash of a content, 40 hexadecimal digits' });

// ---- Errors ----

export const ErrorSchema = z
  .object({
    error: z.object({
      code: z.string().meta({ description: 'For programs, e.g. BAD_REQUEST, NOT_FOUND, NOT_MASTER' }),
      message: z.string().meta({ description: 'For people: what was wrong and what to do' }),
    }),
  })
  .meta({ id: 'Error' });
export type ErrorReply = z.infer<typeof ErrorSchema>;

// ---- Cluster ----

export const RoleSchema = z.enum(['master', 'slave', 'candidate', 'learner']);

export const MemberSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    address: z.string(),
    clientPort: hostPort,
    role: RoleSchema,
    voter: z.boolean(),
    alive: z.boolean(),
    lastKeepaliveMs: z.number().nonnegative().meta({ description: 'Milliseconds since its last keepalive' }),
    appliedIndex: count,
    lag: count.meta({ description: 'Log entries it is behind the master' }),
    stateHash: z.string().meta({ description: 'Hash of its state at appliedIndex; empty while unknown' }),
  })
  .meta({ id: 'Member' });
export type Member = z.infer<typeof MemberSchema>;

export const ClusterSchema = z
  .object({
    cluster: z.string(),
    term: count,
    master: z.string().nullable().meta({ description: 'Member id of the master; null while there is none' }),
    masterSince: z.number().nullable().meta({
      description:
        'Since when this instance has known that master, Unix time in milliseconds: perhaps only since its own start',
    }),
    self: z.string().meta({ description: 'Member id of the instance that answered' }),
    commitIndex: count,
    earlierCluster: z.string().nullable().meta({
      description: 'Address of another cluster of this name that was founded earlier and answers by multicast instead',
    }),
    members: z.array(MemberSchema),
  })
  .meta({ id: 'Cluster' });
export type Cluster = z.infer<typeof ClusterSchema>;

export const MemberParamsSchema = z.object({ id: z.uuid({ error: 'must be the id of a member' }) });

// ---- Settings ----

/** What this instance was started with, and how to start another that joins its cluster. */
export const SettingsSchema = z
  .object({
    cluster: z.string(),
    name: z.string(),
    version: z.string().meta({ description: 'Of the program' }),
    node: z.string().meta({ description: 'Version of Node.js that runs it' }),
    pid: z.int(),
    startedAt: z.number().meta({ description: 'Unix time, milliseconds' }),
    hosts: z.array(z.string()).meta({ description: 'Addresses for clients, by UDP and HTTP' }),
    clientPort: hostPort,
    memberPort: hostPort.meta({ description: 'TCP, for the other members' }),
    group: z.string().nullable().meta({ description: 'Where peers ask by multicast, ADDRESS:PORT' }),
    memberGroup: z.string().nullable().meta({ description: 'Where members find each other, ADDRESS:PORT' }),
    engine: z.enum(['raft', 'etcd']),
    transport: z.enum(['lan', 'jms']),
    key: z.boolean().meta({ description: 'Whether members prove a cluster key; without one they are on this machine' }),
    expect: z.int().positive().meta({ description: 'Instances that found a cluster together' }),
    intervalSeconds: z.number().positive().meta({ description: 'How often peers are asked to announce' }),
    replaceAfterSeconds: z.number().positive().meta({
      description: 'A voter dead for so long is replaced by a learner that has caught up',
    }),
    limits: z.object({
      voters: z.int().positive(),
      learners: z.int().positive(),
    }),
    joinCommand: z.string().meta({ description: 'Starts another instance, on this machine, that joins the cluster' }),
    mayWrite: z
      .boolean()
      .meta({ description: 'Whether who asks may change state as they ask: from this machine, or with the token' }),
    tokenSet: z.boolean().meta({ description: 'Whether there is an admin token that lets others change state' }),
    peerPages: z.string().nullable().meta({
      description: 'Where a peer on this machine shares and downloads; null when none is known, and to other machines',
    }),
  })
  .meta({ id: 'Settings' });
export type Settings = z.infer<typeof SettingsSchema>;

// ---- Contents ----

export const ContentSchema = z
  .object({
    sha1: Sha1Schema,
    name: z.string().nullable(),
    size: z.number().nonnegative().nullable().meta({ description: 'Bytes' }),
    seeders: count,
    leechers: count,
    completed: count.meta({ description: 'Downloads completed so far' }),
  })
  .meta({ id: 'Content' });

export const ContentsSchema = z
  .object({
    contents: z.array(ContentSchema),
    next: z.string().nullable().meta({ description: 'Pass as `after` for the next page; null on the last' }),
    total: count.nullable().meta({ description: 'How many match in all; null without `search` and `sort`' }),
    appliedIndex: count.meta({ description: 'Log index that the answer shows' }),
  })
  .meta({ id: 'Contents' });
export type Contents = z.infer<typeof ContentsSchema>;

export const PeerSchema = z
  .object({
    host: z.string(),
    port: hostPort,
    left: z.number().nonnegative().meta({ description: 'Bytes it still lacks' }),
    lastSeen: z.number().meta({ description: 'Unix time, milliseconds' }),
  })
  .meta({ id: 'Peer' });

export const ContentDetailSchema = ContentSchema.extend({
  peers: z.array(PeerSchema),
  next: z.string().nullable().meta({ description: 'Pass as `after` for more peers; null on the last page' }),
  appliedIndex: count,
}).meta({ id: 'ContentDetail' });
export type ContentDetail = z.infer<typeof ContentDetailSchema>;

// ---- Admission ----

export const AdmissionModeSchema = z.enum(['open', 'allow', 'deny'], { error: 'must be open, allow or deny' });
export const AdmissionListSchema = z.enum(['allow', 'deny'], { error: 'must be allow or deny' });

export const AdmissionSchema = z
  .object({
    mode: AdmissionModeSchema.meta({ description: 'Which list decides; `open` admits every content' }),
    sha1s: z.array(Sha1Schema),
    next: z.string().nullable(),
  })
  .meta({ id: 'Admission' });
export type Admission = z.infer<typeof AdmissionSchema>;

export const AdmissionModeChangeSchema = z.strictObject({ mode: AdmissionModeSchema });
export const AdmissionListChangeSchema = z.strictObject({
  sha1s: z
    .array(Sha1Schema, { error: 'must be a list of sha1s' })
    .min(1, { error: 'must name at least one sha1' })
    .max(MAX_ADMISSION_CHANGE, { error: `must name at most ${MAX_ADMISSION_CHANGE} sha1s; split the change` }),
});

// ---- Queries ----

const limit = (byDefault: number) =>
  z.coerce
    .number({ error: `must be a whole number from 1 to ${MAX_PAGE}` })
    .int({ error: `must be a whole number from 1 to ${MAX_PAGE}` })
    .min(1, { error: `must be a whole number from 1 to ${MAX_PAGE}` })
    .max(MAX_PAGE, { error: `must be a whole number from 1 to ${MAX_PAGE}` })
    .default(byDefault)
    .meta({ description: 'Most items on the page' });

export const Sha1ParamsSchema = z.object({ sha1: Sha1Schema });
export const ListParamsSchema = z.object({ list: AdmissionListSchema });

/** Longest `search`, characters: a name of 255 bytes has no more. */
export const MAX_SEARCH = 255;
export const ContentsSortSchema = z.enum(['sha1', 'name', 'size', 'seeders', 'leechers', 'completed'], {
  error: 'must be sha1, name, size, seeders, leechers or completed',
});
export type ContentsSort = z.infer<typeof ContentsSortSchema>;
export const OrderSchema = z.enum(['asc', 'desc'], { error: 'must be asc or desc' });

/** Pages in the order of the sha1. */
export const PageQuerySchema = z.object({
  after: Sha1Schema.optional().meta({ description: '`next` of the page before' }),
  limit: limit(DEFAULT_PAGE),
});
const CursorSchema = z
  .string({ error: 'must be the `next` of the page before' })
  .min(1, { error: 'must be the `next` of the page before' })
  .max(MAX_CURSOR, { error: 'must be the `next` of the page before' })
  .optional()
  .meta({ description: '`next` of the page before' });
/**
 * Without `search` and `sort` all contents in the order of their sha1, as of this moment: `after` is a sha1 then. With one of
 * them the order may be seconds old where there are very many contents, and `after` means the same query.
 */
export const ContentsQuerySchema = z.object({
  after: CursorSchema,
  limit: limit(DEFAULT_PAGE),
  search: z
    .string()
    .max(MAX_SEARCH, { error: `must be at most ${MAX_SEARCH} characters` })
    .optional()
    .meta({ description: 'Part of the name, whatever the case, or the beginning of the sha1' }),
  sort: ContentsSortSchema.optional().meta({ description: 'What to sort by; equal ones by their sha1' }),
  order: OrderSchema.optional().meta({ description: 'By default `asc`. What has no name or size comes last' }),
});
export const PeersQuerySchema = z.object({ after: CursorSchema, limit: limit(MAX_PAGE) });
export const AdmissionQuerySchema = PageQuerySchema.extend({ list: AdmissionListSchema });
