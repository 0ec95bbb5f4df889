import { Command } from 'commander';
import { isLoopback } from '../api/client-address.ts';
import { ClusterSchema } from '../api/schemas.ts';
import { ADMIN_TOKEN_VARIABLE, adminToken } from './admin-token.ts';
import { askApi } from './api-client.ts';
import { clusterLines } from './cluster-lines.ts';
import { CommandError } from './command-error.ts';
import { printJson, printLine } from './output.ts';
import { addTrackerOptions, type TrackerOptions, trackerToAsk } from './tracker-options.ts';

interface StepDownOptions extends TrackerOptions {
  readonly adminTokenFile?: string;
  readonly json?: true;
}

export function stepDownCommand(): Command {
  return addTrackerOptions(new Command('step-down'))
    .description('let the master hand over to another instance, for instance before its machine is rebooted')
    .option(
      '--admin-token-file <file>',
      `file with the admin token, which another machine wants to see (or ${ADMIN_TOKEN_VARIABLE})`,
    )
    .option('--json', 'print one JSON object instead of a table')
    .addHelpText('after', '\nExample:\n  swarmkeeper step-down --tracker 127.0.0.1:6969')
    .action(async ({ adminTokenFile, json, ...options }: StepDownOptions) => {
      const token = await adminToken(adminTokenFile);
      const address = await trackerToAsk(options);
      // Anybody on the network can answer in the group.
      if (token !== undefined && options.tracker === undefined && !isLoopback(address.host)) {
        throw new CommandError(
          'NOT_NAMED',
          `the admin token is sent only to an instance that you name: ${address.host} port ${address.port} answers; if it is yours, give it with --tracker`,
        );
      }
      const cluster = await askApi(address, '/api/v1/cluster/step-down', ClusterSchema, {
        method: 'POST',
        adminToken: token,
      });
      if (json) printJson(cluster);
      else for (const line of clusterLines(cluster)) printLine(line);
    });
}
