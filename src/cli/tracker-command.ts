import { Command } from 'commander';
import { addInstanceOptions, type TrackerCommandOptions } from './instance-options.ts';
import { printListening, printWelcome } from './listening.ts';
import { expectedInstances, pagesAddress, port } from './option-values.ts';

export function trackerCommand(): Command {
  return addInstanceOptions(new Command('tracker'))
    .description('run one tracker instance')
    .option(
      '--expect <n>',
      'where no cluster is running yet, wait for so many instances, this one among them, to found it',
      expectedInstances,
      1,
    )
    .option(
      '--member-port <n>',
      'TCP port for the other members; 0 takes a free one (default: 0 on loopback, else 6968)',
      port,
    )
    .option(
      '--peer-pages <url>',
      'where the pages of a peer on this machine are, for the buttons of its own pages',
      pagesAddress,
    )
    .addHelpText(
      'after',
      '\nExample:\n  swarmkeeper tracker --cluster films --expect 3 --host 192.0.2.1 --key-file films.key --data ./films',
    )
    .action(async (options: TrackerCommandOptions, command: Command) => {
      // Only the commands that run an instance load its libraries.
      const { runInstance } = await import('./run-instance.ts');
      await runInstance(options, command, (instance) => {
        if (options.json) printListening(instance);
        else printWelcome(instance);
      });
    });
}
