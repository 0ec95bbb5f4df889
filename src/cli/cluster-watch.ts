import { type Cluster, ClusterSchema, type Member } from '../api/schemas.ts';
import { askApi, askText } from './api-client.ts';
import type { InstanceProcess } from './instance-process.ts';
import type { TrackerAddress } from './option-values.ts';

/** One that does not answer at once (stopped, overloaded) is not waited for. */
const ANSWER_MS = 1_000;

/** What the instances together say at one moment. */
export interface ClusterView extends Omit<Cluster, 'members'> {
  readonly members: readonly MemberRow[];
  readonly contents: number;
  readonly peers: number;
  readonly seeders: number;
  /** Announces answered since the instances started. */
  readonly announces: number;
  readonly atMs: number;
}

/** A member, and its process where it is one of ours that lives. */
export interface MemberRow extends Member {
  readonly pid: number | undefined;
}

/** Asks the instances of this machine, again and again, how their cluster is. */
export class ClusterWatch {
  readonly #instances: readonly InstanceProcess[];
  /** Member ids, which stay known when an instance is dead. */
  readonly #ids = new Map<InstanceProcess, string>();

  readonly #rates: boolean;

  /** @param options.rates whether to ask for what is counted, too */
  constructor(instances: readonly InstanceProcess[], { rates }: { rates: boolean }) {
    this.#instances = instances;
    this.#rates = rates;
  }

  /** Undefined while none answers. */
  async look(): Promise<ClusterView | undefined> {
    const asked = await Promise.allSettled(
      this.#instances.filter(isLiving).map(async (instance) => ({ instance, ...(await ask(instance, this.#rates)) })),
    );
    const answers = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    for (const { instance, cluster } of answers) this.#ids.set(instance, cluster.self);
    const best = answers.toSorted((a, b) => authorityOf(b.cluster) - authorityOf(a.cluster))[0];
    if (best === undefined) return undefined;
    return {
      ...best.cluster,
      members: this.#rows([best, ...answers].map(({ cluster }) => cluster)),
      contents: metric(best.metrics, 'swarms'),
      peers: metric(best.metrics, 'peers'),
      seeders: metric(best.metrics, 'seeders'),
      announces: answers.reduce(
        (sum, { metrics }) => sum + metric(metrics, 'udp_announces_total') + metric(metrics, 'http_announces_total'),
        0,
      ),
      atMs: performance.now(),
    };
  }

  /** The member that this instance is, once it has said so. */
  idOf(instance: InstanceProcess): string | undefined {
    return this.#ids.get(instance);
  }

  /** The members as the first view knows them, and those that know only themselves yet. */
  #rows(views: readonly Cluster[]): MemberRow[] {
    const rows = new Map<string, MemberRow>();
    for (const [i, { self, members }] of views.entries()) {
      for (const member of members) {
        if (!rows.has(member.id) && (i === 0 || member.id === self)) rows.set(member.id, this.#row(member));
      }
    }
    return [...rows.values()];
  }

  #row(member: Member): MemberRow {
    const instance = this.#instances.find((each) => this.#ids.get(each) === member.id);
    return {
      ...member,
      // One that died before it was ever heard has told its name to nobody else.
      name: member.name || (instance?.name ?? ''),
      pid: instance !== undefined && isLiving(instance) ? instance.pid : undefined,
    };
  }
}

async function ask({ listening }: InstanceProcess, rates: boolean): Promise<{ cluster: Cluster; metrics: string }> {
  const address: TrackerAddress = { host: listening!.hosts[0], port: listening!.clientPort };
  const [cluster, metrics] = await Promise.all([
    askApi(address, '/api/v1/cluster', ClusterSchema, { timeoutMs: ANSWER_MS }),
    rates ? askText(address, '/metrics', { timeoutMs: ANSWER_MS }) : '',
  ]);
  return { cluster, metrics };
}

function isLiving({ listening, end }: InstanceProcess): boolean {
  return listening !== undefined && end === undefined;
}

/** The master of the latest term knows best, then whoever knows a master. */
function authorityOf({ term, self, master }: Cluster): number {
  return term * 4 + (master === null ? 0 : self === master ? 2 : 1);
}

/** A metric without labels, by its name without `swarmkeeper_`; 0 if there is none. */
function metric(metrics: string, name: string): number {
  return Number(new RegExp(`^swarmkeeper_${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? 0);
}
