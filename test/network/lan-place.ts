import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { formatMemberKey, generateMemberKey } from '../../src/cluster/transport/member-key.ts';
import { type Stage, underLoad } from '../faults/stage.ts';
import { temporaryFolder } from '../harness/start-swarmkeeper.ts';
import { CLIENT, Lan } from './lan.ts';

/** As a stage calls its founders. */
const NAMES = ['a', 'b', 'c', 'd', 'e'];
/** Instances are told apart by it; each has its own address besides. */
const FIRST_CLIENT_PORT = 7_001;

/**
 * `underLoad` with every instance on a host of its own, and the clients on another: those that ask and those that
 * watch reach every instance whatever happens among the instances, so they are on both sides of every cut.
 */
export async function underLoadOnLan(
  t: TestContext,
  instances: 3 | 5,
  body: (stage: Stage, lan: Lan) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  const keyFile = join(folder.path, 'key');
  writeFileSync(keyFile, formatMemberKey(generateMemberKey()));
  await using lan = await Lan.open(NAMES.slice(0, instances));
  const target = (name: string) => ({
    host: lan.host(name).address,
    port: FIRST_CLIENT_PORT + NAMES.indexOf(name),
  });
  const place = {
    client: lan.host(CLIENT).address,
    target,
    on: <T>(name: string, start: () => T) => lan.host(name).namespace.within(start),
  };
  const members = Object.fromEntries(lan.names.map((name) => [name, { args: ['--host', target(name).host] }]));
  await underLoad(t, { instances, args: ['--key-file', keyFile], members, place }, (stage) => body(stage, lan));
}
