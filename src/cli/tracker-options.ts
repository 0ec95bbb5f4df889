import { type Command, Option } from 'commander';
import type { MulticastGroup } from '../tracker/tracker.ts';
import { findTracker } from './find-tracker.ts';
import {
  DEFAULT_GROUP,
  formatGroup,
  interfaceAddresses,
  multicastGroup,
  type TrackerAddress,
  trackerAddress,
} from './option-values.ts';

/** The options of every command that asks a tracker, as they were given. */
export interface TrackerOptions {
  readonly tracker?: TrackerAddress;
  readonly group: MulticastGroup;
  readonly interface?: readonly string[];
}

export function addTrackerOptions(command: Command): Command {
  return command
    .option(
      '--tracker <host:port>',
      'the instance to ask (default: the master of the cluster that answers in the group)',
      trackerAddress,
    )
    .addOption(
      new Option('--group <address:port>', 'multicast group in which the cluster is asked for')
        .argParser(multicastGroup)
        .default(DEFAULT_GROUP, formatGroup(DEFAULT_GROUP)),
    )
    .option(
      '--interface <address>',
      'ask only on the interface with this address; may be repeated (default: all)',
      interfaceAddresses,
    );
}

/** Whom to ask: who was named, or who answers in the group. */
export async function trackerToAsk({ tracker, group, interface: interfaces }: TrackerOptions): Promise<TrackerAddress> {
  return tracker ?? (await findTracker({ group, interfaces }));
}
