import type { GenesisMessage, GenesisStored } from '../src/cluster/consensus/genesis.ts';
import {
  Genesis,
  type GenesisEffect,
  type GenesisEvent,
  type GenesisRecord,
  NO_GENESIS,
} from '../src/cluster/consensus/genesis.ts';
import { Violation } from './checker.ts';
import { Random } from './random.ts';
import { Timeline } from './timeline.ts';

/** A machine that looks for a cluster to found or to join. */
interface Instance {
  member: string;
  stored: GenesisStored;
  genesis: Genesis | null;
  /** Tells the runs apart. */
  run: number;
  joined: string | null;
}

const CHAOS_MS = 6_000;
const SETTLE_MS = 40_000;

/**
 * The founding of one cluster: some instances with empty disks, a bad network, discovery that misses things, crashes. Two
 * clusters must never come to life, and when all calms down everyone is in the one.
 *
 * @returns the cluster that everyone ended up in.
 * @throws {Violation}
 */
export function simulateGenesis(
  seed: number,
  makeGenesis = (...args: ConstructorParameters<typeof Genesis>) => new Genesis(...args),
): string {
  const random = new Random(seed);
  const timeline = new Timeline();
  const expect = random.pick([1, 3, 3, 5]);
  const instances: Instance[] = [];
  const formed = new Map<string, GenesisRecord>();
  const renewed = new Set<string>();
  const loss = random.pick([0, 0.1, 0.3]);
  const blindness = random.pick([0, 0.2, 0.6]);
  const delayMs = random.pick([1, 20, 200]);
  let calm = false;
  let names = 0;
  const newMember = () => `m${String(random.integer(10, 99))}-${names++}`;

  const deliver = (message: GenesisMessage) => {
    if (!calm && random.chance(loss)) return;
    const copies = !calm && random.chance(0.1) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      timeline.after(random.exponential(delayMs), () => {
        for (const instance of instances)
          if (instance.member === message.to) take(instance, { type: 'message', message });
      });
    }
  };
  const take = (instance: Instance, event: GenesisEvent) => {
    if (instance.genesis === null) return;
    for (const effect of instance.genesis.step(event, timeline.now)) perform(instance, effect);
  };
  const perform = (instance: Instance, effect: GenesisEffect) => {
    const { run } = instance;
    switch (effect.type) {
      case 'send':
        deliver(effect.message);
        return;
      case 'persist':
        timeline.after(random.exponential(5), () => {
          if (instance.run !== run) return;
          instance.stored = effect.stored;
          take(instance, { type: 'persisted' });
        });
        return;
      case 'formed':
        formed.set(effect.record.cluster, effect.record);
        instance.joined = effect.record.cluster;
        check();
        return;
      case 'join':
        instance.joined = effect.cluster;
        return;
      case 'renew':
        renewed.add(instance.member);
        instance.member = newMember();
        instance.stored = NO_GENESIS;
        start(instance);
        return;
    }
  };
  /** A cluster that most of its members have left for new identities cannot commit anything. */
  const alive = () =>
    [...formed.values()].filter(({ members }) => members.filter((id) => !renewed.has(id)).length * 2 > members.length);
  const check = () => {
    if (alive().length > 1)
      throw new Violation('one-genesis', `${alive().map(({ cluster }) => cluster)} both came to life`);
  };
  const start = (instance: Instance) => {
    instance.run++;
    const { member, stored } = instance;
    instance.genesis = makeGenesis({
      self: member,
      stored,
      expect,
      now: timeline.now,
      newCluster: () => `cluster-${names++}`,
    });
    // A formed instance starts its core at once; its genesis only answers questions.
    if (stored.formed && stored.endorsed !== null) instance.joined = stored.endorsed.cluster;
    tick(instance, instance.run);
    discover(instance, instance.run);
  };
  const tick = (instance: Instance, run: number) => {
    if (instance.run !== run) return;
    take(instance, { type: 'tick' });
    timeline.after(20, () => tick(instance, run));
  };
  /** Beacons of everyone in sight. */
  const discover = (instance: Instance, run: number) => {
    if (instance.run !== run) return;
    for (const other of instances) {
      if (other === instance || other.genesis === null || (!calm && random.chance(blindness))) continue;
      if (other.joined === null) take(instance, { type: 'unformed', member: other.member });
      else if (alive().some(({ cluster }) => cluster === other.joined))
        take(instance, { type: 'cluster', cluster: other.joined });
    }
    timeline.after(100, () => discover(instance, run));
  };
  const crash = () => {
    timeline.after(random.exponential(500), () => {
      if (calm) return;
      const instance = random.pick(instances);
      instance.run++;
      instance.genesis = null;
      timeline.after(random.between(10, 1_000), () => {
        if (instance.genesis === null) start(instance);
      });
      crash();
    });
  };

  const count = expect + random.integer(0, expect - 1);
  for (let i = 0; i < count; i++) {
    const instance = { member: newMember(), stored: NO_GENESIS, genesis: null, run: 0, joined: null };
    instances.push(instance);
    timeline.after(random.between(0, 1_000), () => start(instance));
  }
  if (random.chance(0.6)) crash();
  timeline.runUntil(CHAOS_MS);
  calm = true;
  timeline.runUntil(CHAOS_MS + SETTLE_MS);
  const clusters = new Set(instances.map(({ joined }) => joined));
  const [cluster] = clusters;
  if (clusters.size !== 1 || cluster === null) {
    throw new Violation(
      'genesis-liveness',
      `${instances.map(({ member, joined }) => `${member}:${joined}`).join(' ')}`,
    );
  }
  return cluster;
}
