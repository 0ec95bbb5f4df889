import { Command } from 'commander';
import { authority } from '../api/client-address.ts';
import { type Cluster, ClusterSchema, type Member } from '../api/schemas.ts';
import { askApi } from './api-client.ts';
import { type TrackerAddress, trackerOption } from './option-values.ts';
import { printable, printJson, printLine } from './output.ts';
import { type Column, tableLines } from './table.ts';

interface StatusOptions {
  tracker: TrackerAddress;
  json?: true;
}

export function statusCommand(): Command {
  return new Command('status')
    .description('say what an instance knows of its cluster: members, roles, who lags behind')
    .addOption(trackerOption())
    .option('--json', 'print one JSON object instead of a table')
    .addHelpText('after', '\nExample:\n  swarmkeeper status --tracker 127.0.0.1:6969')
    .action(async ({ tracker, json }: StatusOptions) => {
      const cluster = await askApi(tracker, '/api/v1/cluster', ClusterSchema);
      if (json) printJson(cluster);
      else for (const line of clusterLines(cluster)) printLine(line);
    });
}

/** The status for people. */
export function clusterLines(cluster: Cluster): string[] {
  const master = cluster.members.find(({ id }) => id === cluster.master);
  return [
    `cluster ${printable(cluster.cluster)}  term ${cluster.term}  commit index ${cluster.commitIndex}  ` +
      `master ${master === undefined ? 'none now' : printable(master.name)}`,
    '',
    ...tableLines(MEMBER_COLUMNS, cluster.members),
  ];
}

const MEMBER_COLUMNS: readonly Column<Member>[] = [
  { title: 'NAME', align: 'left', cell: ({ name }) => printable(name) },
  { title: 'ROLE', align: 'left', cell: ({ role }) => role },
  { title: 'VOTER', align: 'left', cell: ({ voter }) => (voter ? 'yes' : 'no') },
  { title: 'ALIVE', align: 'left', cell: ({ alive }) => (alive ? 'yes' : 'no') },
  { title: 'ADDRESS', align: 'left', cell: ({ address, clientPort }) => printable(authority(address, clientPort)) },
  { title: 'HEARD', align: 'right', cell: ({ lastKeepaliveMs }) => `${Math.round(lastKeepaliveMs)} ms ago` },
  { title: 'APPLIED', align: 'right', cell: ({ appliedIndex }) => String(appliedIndex) },
  { title: 'LAG', align: 'right', cell: ({ lag }) => String(lag) },
  { title: 'STATE', align: 'left', cell: ({ stateHash }) => printable(stateHash) || '-' },
];
