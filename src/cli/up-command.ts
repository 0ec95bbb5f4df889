import { isIPv4 } from 'node:net';
import { Command, Option } from 'commander';
import { isLoopback } from '../api/client-address.ts';
import { instanceFolders } from './instance-folders.ts';
import {
  addInstanceOptions,
  dataFolderOf,
  givenArguments,
  hostsOf,
  type InstanceOptions,
  instanceNameOf,
  requiredKey,
} from './instance-options.ts';
import { formatGroup, instanceCount, port } from './option-values.ts';
import { DEFAULT_API_PORT } from './peer-options.ts';
import { type ClusterPlan, type PeerPlan, runCluster } from './run-cluster.ts';

interface UpOptions extends InstanceOptions {
  readonly instances: number;
  readonly peer?: true;
  readonly peerPort: number;
}

/** Options that are others, or none, of an instance. */
const NOT_OF_TRACKER = ['name', 'port', 'data', 'instances', 'peer', 'peerPort', 'json'];
const HIGHEST_PORT = 65_535;

export function upCommand(): Command {
  return addInstanceOptions(new Command('up'))
    .description('run a cluster on this machine, each instance a process of its own, and watch it')
    .option('--instances <n>', 'how many: 1, 3, 5 or 7', instanceCount, 3)
    .option('--peer', 'run a peer too, with pages from which this machine shares and downloads')
    .addOption(
      new Option('--peer-port <n>', 'port of the pages of the peer, on 127.0.0.1; 0 takes a free one; implies --peer')
        .argParser(port)
        .default(DEFAULT_API_PORT)
        .implies({ peer: true }),
    )
    .addHelpText(
      'after',
      '\nInstance n has the client port PORT + n - 1 and the data folder DATA/n; a single one has DATA itself.\n' +
        'The peer is that of `swarmkeeper peer`, with the same folders, unless --data is given: then it has DATA/peer.\n' +
        'They share this machine: run `tracker` on three of them to survive the loss of one.\n' +
        '\nExample:\n  swarmkeeper up --instances 3 --port 6969',
    )
    .action(async (options: UpOptions, command: Command) => {
      requiredKey(options, command);
      await runCluster(planOf(options, command));
    });
}

function planOf(options: UpOptions, command: Command): ClusterPlan {
  const { cluster, group, instances: count, json = false } = options;
  if (options.port > 0 && options.port + count - 1 > HIGHEST_PORT) {
    command.error(
      `error: ${count} instances from port ${options.port} on go beyond port ${HIGHEST_PORT}; give a lower --port`,
    );
  }
  const common = givenArguments(command, NOT_OF_TRACKER);
  const instances = instanceFolders(dataFolderOf(options), count).map((dataDir, i) => {
    const name = count === 1 ? instanceNameOf(options) : `${instanceNameOf(options).slice(0, LONGEST_STEM)}-${i + 1}`;
    const own = ['--name', name, '--data', dataDir, '--expect', String(count)];
    // The fixed one, for members on several machines, can be had by one instance of a machine only.
    const memberPort = options.host === undefined ? [] : ['--member-port', '0'];
    return { name, dataDir, port: options.port === 0 ? 0 : options.port + i, args: [...common, ...own, ...memberPort] };
  });
  return { cluster, group, instances, peer: options.peer && peerPlanOf(options), json };
}

/** It asks where the instances answer: there may be another cluster in the same group, elsewhere in the network. */
function peerPlanOf(options: UpOptions): PeerPlan {
  const interfaces = hostsOf(options).filter(isIPv4);
  // No more than the cluster it serves anybody beyond this machine.
  const [first] = interfaces;
  return {
    apiPort: options.peerPort,
    args: [
      ...['--group', formatGroup(options.group)],
      ...interfaces.flatMap((address) => ['--interface', address]),
      ...(first !== undefined && isLoopback(first) ? ['--host', first] : []),
      ...(options.data === undefined ? [] : ['--data', dataFolderOf(options)]),
    ],
  };
}

/** Of a name that gets a number. */
const LONGEST_STEM = 60;
