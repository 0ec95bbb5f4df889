// What `GET /api/v1/events` of an instance sends: server-sent events whose data is JSON of these shapes. As in
// schemas.ts nothing but zod may be imported, so that pages can bundle it.
//
// | event      | data            | when                                                                                 |
// |------------|-----------------|--------------------------------------------------------------------------------------|
// | `snapshot` | Snapshot        | first, once a connection                                                             |
// | `cluster`  | Cluster         | it changed (at most every MIN_CLUSTER_MS); otherwise every MAX_CLUSTER_MS              |
// | `sample`   | Sample          | every SAMPLE_MS: who hears nothing for several of them has lost the instance          |
// | `timeline` | TimelineEvent   | something happened to the cluster                                                    |
//
// After a break a page connects again, here or to another member, and begins with that snapshot.

import { z } from 'zod';
import { ClusterSchema } from './schemas.ts';

/** A sample covers so much, milliseconds. */
export const SAMPLE_MS = 1_000;
/** Samples of a snapshot: the last five minutes. */
export const MAX_SAMPLES = 300;
/** What an instance remembers of what happened, and the most that a page need keep. */
export const MAX_TIMELINE = 200;
/** `cluster` is sent at most so often, though it changes all the time ... */
export const MIN_CLUSTER_MS = 250;
/** ... and at least so often, so that the ages of the keepalives live. */
export const MAX_CLUSTER_MS = 2_000;

const perSecond = (what: string) =>
  z
    .number()
    .nonnegative()
    .meta({ description: `${what}, per second` });
const milliseconds = (what: string) =>
  z
    .number()
    .nonnegative()
    .nullable()
    .meta({ description: `${what}, milliseconds; null: there was nothing to measure` });
const gauge = (what: string) => z.int().nonnegative().meta({ description: what });

/** What one instance did in one second, by its own counters. Only the master answers, so slaves show forwards and nothing else. */
export const SampleSchema = z
  .object({
    at: z.number().meta({ description: 'Its end, Unix time in milliseconds of the instance' }),
    announces: perSecond('Announces answered, by UDP and HTTP'),
    replies: perSecond('Everything answered: connects, announces, scrapes, errors'),
    arrivals: perSecond('Announces that changed something and went through the log'),
    http: perSecond('Announces and scrapes answered by HTTP'),
    forwarded: perSecond('Requests of clients passed on to the master'),
    dropped: perSecond('Requests left unanswered because there was no room'),
    p50Ms: milliseconds('From a request until its answer leaves, median'),
    p99Ms: milliseconds('The same, 99th percentile'),
    commitP50Ms: milliseconds('From a change until it is durable on a quorum and applied, median'),
    commitP99Ms: milliseconds('The same, 99th percentile'),
    peers: gauge('Peers, seeders among them'),
    seeders: gauge('Peers that have everything'),
    leechers: gauge('Peers that lack something'),
    contents: gauge('Contents with peers'),
    cpu: z.number().nonnegative().meta({ description: 'Processor time of the process; 1 is one core' }),
    rssBytes: gauge('Memory of the process'),
  })
  .meta({ id: 'Sample' });
export type Sample = z.infer<typeof SampleSchema>;

export const TimelineKindSchema = z.enum([
  /** This instance has started: the timeline begins. */
  'started',
  /** There is no master any more; the voters elect. */
  'election',
  /** `member` is the master now. */
  'master',
  /** `member`, the master so far, gave mastership to another on purpose; a `master` event follows. */
  'handed-over',
  /** `member` belongs to the cluster now, as a learner or a voter. */
  'joined',
  /** `member` was a learner and votes now. */
  'promoted',
  /** `member` voted and is a learner now. */
  'demoted',
  /** `member` was taken out of the cluster. */
  'removed',
  /** `member` is not heard any more. */
  'died',
  /** `member` is heard again. */
  'returned',
  /** `member` stopped in an orderly way. */
  'left',
  /** So few voters are heard that no master can be elected. */
  'no-quorum',
  /** Enough voters are heard again. */
  'quorum',
  /** `member` has another state than the master at the same log index. */
  'diverged',
]);
export type TimelineKind = z.infer<typeof TimelineKindSchema>;

export const TimelineEventSchema = z
  .object({
    id: z.int().positive().meta({ description: 'Rises by 1; starts anew with the instance' }),
    at: z.number().meta({ description: 'Unix time in milliseconds of the instance that tells it' }),
    kind: TimelineKindSchema,
    member: z
      .object({ id: z.string(), name: z.string() })
      .nullable()
      .meta({ description: 'Whom it happened to; null: to the cluster' }),
    term: z.int().nonnegative(),
    text: z.string().meta({ description: 'For people, a sentence without a stop' }),
  })
  .meta({ id: 'TimelineEvent' });
export type TimelineEvent = z.infer<typeof TimelineEventSchema>;

export const SnapshotSchema = z
  .object({
    at: z.number().meta({ description: 'Unix time in milliseconds of the instance' }),
    cluster: ClusterSchema,
    samples: z.array(SampleSchema).max(MAX_SAMPLES).meta({ description: 'Oldest first' }),
    timeline: z.array(TimelineEventSchema).max(MAX_TIMELINE).meta({ description: 'Newest first' }),
  })
  .meta({ id: 'Snapshot' });
export type Snapshot = z.infer<typeof SnapshotSchema>;

/** The schema of each event's data, by the event's name. */
export const EVENT_SCHEMAS = {
  snapshot: SnapshotSchema,
  cluster: ClusterSchema,
  sample: SampleSchema,
  timeline: TimelineEventSchema,
} as const;
export type EventName = keyof typeof EVENT_SCHEMAS;
