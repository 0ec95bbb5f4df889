import { authority } from '../api/client-address.ts';
import type { Cluster, Member } from '../api/schemas.ts';
import { printable } from './output.ts';
import { type Column, tableLines } from './table.ts';

/** Hexadecimal digits of a state hash that people are shown: enough to see that two differ. */
const SHORT_HASH = 8;

/** A cluster with whatever else is known of its members. */
export type KnownCluster<Row extends Member = Member> = Omit<Cluster, 'members'> & { readonly members: readonly Row[] };

/** The cluster for people: one line of it, and a table of its members. */
export function clusterLines<Row extends Member>(
  cluster: KnownCluster<Row>,
  extraColumns: readonly Column<Row>[] = [],
): string[] {
  const master = cluster.members.find(({ id }) => id === cluster.master);
  return [
    `cluster ${printable(cluster.cluster)}  term ${cluster.term}  commit index ${cluster.commitIndex}  ` +
      `master ${master === undefined ? 'none now' : nameOf(master)}`,
    '',
    ...tableLines<Row>([...MEMBER_COLUMNS, ...extraColumns], cluster.members.toSorted(byName)),
  ];
}

/** What somebody should look after, each as a sentence. */
export function clusterWarnings({
  master,
  members,
  earlierCluster,
}: Pick<KnownCluster, 'master' | 'members' | 'earlierCluster'>): string[] {
  const voters = members.filter(({ voter }) => voter);
  const warnings: string[] = [];
  if (master === null) {
    const living = voters.filter(({ alive }) => alive).length;
    warnings.push(
      living > voters.length / 2
        ? 'there is no master now: an election is under way'
        : `there is no master, and ${living} of ${voters.length} voters cannot elect one: start the dead ones again`,
    );
  }
  for (const member of members.filter(({ alive }) => !alive)) {
    warnings.push(
      `${nameOf(member)} is dead (${heard(member) === NEVER ? NEVER : `last heard ${heard(member)}`}): start it again, or start a spare instance on an empty folder, which takes its place`,
    );
  }
  for (const [index, group] of Map.groupBy(members, ({ appliedIndex }) => appliedIndex)) {
    const known = group.filter(({ stateHash }) => stateHash !== '');
    if (new Set(known.map(({ stateHash }) => stateHash)).size <= 1) continue;
    const shown = known.map((member) => `${nameOf(member)} ${shortHash(member)}`).join(', ');
    warnings.push(
      `the replicas differ at index ${index}: ${shown}; stop the one that differs from the others, move its data folder away and start it again`,
    );
  }
  if (earlierCluster !== null) {
    warnings.push(
      `another cluster of this name is at ${earlierCluster}; it was founded earlier, so this one leaves multicast to it: give one of them another name and group`,
    );
  }
  if (voters.length === 1 && members.length === 2) {
    warnings.push('two instances cannot replace a dead master safely: start a third, and all of them vote');
  }
  return warnings;
}

const MEMBER_COLUMNS: readonly Column<Member>[] = [
  { title: 'NAME', align: 'left', cell: nameOf },
  { title: 'ROLE', align: 'left', cell: ({ role }) => role },
  { title: 'VOTER', align: 'left', cell: ({ voter }) => (voter ? 'yes' : 'no') },
  { title: 'ALIVE', align: 'left', cell: ({ alive }) => (alive ? 'yes' : 'DEAD') },
  {
    title: 'ADDRESS',
    align: 'left',
    cell: ({ address, clientPort }) => (address === '' ? '-' : printable(authority(address, clientPort))),
  },
  { title: 'HEARD', align: 'right', cell: heard },
  { title: 'APPLIED', align: 'right', cell: ({ appliedIndex }) => String(appliedIndex) },
  { title: 'LAG', align: 'right', cell: ({ lag }) => String(lag) },
  { title: 'STATE', align: 'left', cell: shortHash },
];

function byName(a: Member, b: Member): number {
  return nameOf(a).localeCompare(nameOf(b), 'en', { numeric: true });
}

/** One that was never heard has told no name. */
function nameOf({ name, id }: Member): string {
  return printable(name === '' ? id : name);
}

function shortHash({ stateHash }: Member): string {
  return printable(stateHash).slice(0, SHORT_HASH) || '-';
}

const NEVER = 'never heard';

/** When its last keepalive came. */
function heard({ lastKeepaliveMs }: Member): string {
  const seconds = lastKeepaliveMs / 1_000;
  if (lastKeepaliveMs === Number.MAX_SAFE_INTEGER) return NEVER;
  if (seconds < 10) return `${Math.round(lastKeepaliveMs)} ms ago`;
  return seconds < 600 ? `${Math.round(seconds)} s ago` : `${Math.round(seconds / 60)} min ago`;
}
