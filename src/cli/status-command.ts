import { Command } from 'commander';
import { ClusterSchema } from '../api/schemas.ts';
import { askApi } from './api-client.ts';
import { clusterLines, clusterWarnings } from './cluster-lines.ts';
import { printJson, printLine } from './output.ts';
import { addTrackerOptions, type TrackerOptions, trackerToAsk } from './tracker-options.ts';

interface StatusOptions extends TrackerOptions {
  readonly json?: true;
}

export function statusCommand(): Command {
  return addTrackerOptions(new Command('status'))
    .description('say what an instance knows of its cluster: members, roles, who lags behind')
    .option('--json', 'print one JSON object instead of a table')
    .addHelpText('after', '\nExample:\n  swarmkeeper status --tracker 127.0.0.1:6969')
    .action(async ({ json, ...options }: StatusOptions) => {
      const cluster = await askApi(await trackerToAsk(options), '/api/v1/cluster', ClusterSchema);
      const warnings = clusterWarnings(cluster);
      if (json) {
        printJson({ ...cluster, warnings });
        return;
      }
      for (const line of clusterLines(cluster)) printLine(line);
      if (warnings.length > 0) printLine();
      for (const warning of warnings) printLine(`warning: ${warning}`);
    });
}
