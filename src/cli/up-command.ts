import { Command } from 'commander';
import { addInstanceOptions, type InstanceOptions } from './instance-options.ts';
import { printListening, printWelcome } from './listening.ts';
import { startLiveView } from './live-view.ts';

export function upCommand(): Command {
  return addInstanceOptions(new Command('up'))
    .description('run a cluster on this machine and watch it')
    .addHelpText('after', '\nExample:\n  swarmkeeper up --port 6969')
    .action(async (options: InstanceOptions) => {
      // Only the commands that run an instance load its libraries.
      const { runInstance } = await import('./run-instance.ts');
      await runInstance(options, (instance) => {
        if (options.json) {
          printListening(instance);
          return () => {};
        }
        printWelcome(instance);
        return process.stdout.isTTY ? startLiveView(instance.tracker, process.stdout) : () => {};
      });
    });
}
