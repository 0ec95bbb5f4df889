import { Command } from 'commander';
import { addInstanceOptions, type InstanceOptions } from './instance-options.ts';
import { printListening, printWelcome } from './listening.ts';

export function trackerCommand(): Command {
  return addInstanceOptions(new Command('tracker'))
    .description('run one tracker instance')
    .addHelpText('after', '\nExample:\n  swarmkeeper tracker --cluster films --port 6969 --data ./films')
    .action(async (options: InstanceOptions) => {
      // Only the commands that run an instance load its libraries.
      const { runInstance } = await import('./run-instance.ts');
      await runInstance(options, (instance) => {
        if (options.json) printListening(instance);
        else printWelcome(instance);
        return () => {};
      });
    });
}
