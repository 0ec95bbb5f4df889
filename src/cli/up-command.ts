import { Command } from 'commander';
import { instanceFolders } from './instance-folders.ts';
import {
  addInstanceOptions,
  dataFolderOf,
  givenArguments,
  type InstanceOptions,
  instanceNameOf,
  requiredKey,
} from './instance-options.ts';
import { instanceCount } from './option-values.ts';
import { type ClusterPlan, runCluster } from './run-cluster.ts';

interface UpOptions extends InstanceOptions {
  readonly instances: number;
}

const HIGHEST_PORT = 65_535;

export function upCommand(): Command {
  return addInstanceOptions(new Command('up'))
    .description('run a cluster on this machine, each instance a process of its own, and watch it')
    .option('--instances <n>', 'how many: 1, 3, 5 or 7', instanceCount, 3)
    .addHelpText(
      'after',
      '\nInstance n has the client port PORT + n - 1 and the data folder DATA/n; a single one has DATA itself.\n' +
        'They share this machine: run `tracker` on three of them to survive the loss of one.\n' +
        '\nExample:\n  swarmkeeper up --instances 3 --port 6969',
    )
    .action(async (options: UpOptions, command: Command) => {
      requiredKey(options, command);
      await runCluster(planOf(options, command));
    });
}

function planOf(options: UpOptions, command: Command): ClusterPlan {
  const { cluster, group, instances: count, port, json = false } = options;
  if (port > 0 && port + count - 1 > HIGHEST_PORT) {
    command.error(`error: ${count} instances from port ${port} on go beyond port ${HIGHEST_PORT}; give a lower --port`);
  }
  const common = givenArguments(command, ['name', 'port', 'data', 'instances', 'json']);
  const instances = instanceFolders(dataFolderOf(options), count).map((dataDir, i) => {
    const name = count === 1 ? instanceNameOf(options) : `${instanceNameOf(options).slice(0, LONGEST_STEM)}-${i + 1}`;
    const own = ['--name', name, '--data', dataDir, '--expect', String(count)];
    // The fixed one, for members on several machines, can be had by one instance of a machine only.
    const memberPort = options.host === undefined ? [] : ['--member-port', '0'];
    return { name, dataDir, port: port === 0 ? 0 : port + i, args: [...common, ...own, ...memberPort] };
  });
  return { cluster, group, instances, json };
}

/** Of a name that gets a number. */
const LONGEST_STEM = 60;
