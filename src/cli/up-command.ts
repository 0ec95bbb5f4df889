import { Command } from 'commander';
import { addInstanceOptions, type InstanceOptions } from './instance-options.ts';
import { printListening, printWelcome } from './listening.ts';
import { startLiveView } from './live-view.ts';

export function upCommand(): Command {
  return addInstanceOptions(new Command('up'))
    .description('run a cluster on this machine and watch it')
    .addHelpText('after', '\nExample:\n  swarmkeeper up --port 6969')
    .action(async (options: InstanceOptions, command: Command) => {
      // Only the commands that run an instance load its libraries.
      const { runInstance } = await import('./run-instance.ts');
      await runInstance({ ...options, expect: 1 }, command, (instance) => {
        if (options.json) return printListening(instance);
        printWelcome(instance);
        if (process.stdout.isTTY) startLiveView(instance.tracker, process.stdout);
      });
    });
}
