import { randomBytes, randomInt } from 'node:crypto';

export interface TestGroup {
  readonly host: string;
  readonly port: number;
}

/** Where one cluster of a test lives: instances of another network neither join it nor hear its clients. */
export interface TestNetwork {
  readonly cluster: string;
  /** Where peers ask by multicast. */
  readonly group: TestGroup;
  /** Where members find each other. */
  readonly memberGroup: TestGroup;
  /** The same as options of `tracker` and `up`. */
  readonly args: readonly string[];
}

/** A data folder belongs to a cluster of one name; so all networks of one test process have that. */
const CLUSTER = `test-${randomBytes(6).toString('hex')}`;
/** Below the ports that systems give away by themselves. */
const FIRST_PORT = 20_000;
const END_OF_PORTS = 32_768;

/** A network of its own: two groups that nobody else has, on the interfaces that the instances are given. */
export function testNetwork(): TestNetwork {
  const group = anyGroup();
  const memberGroup = anyGroup();
  return {
    cluster: CLUSTER,
    group,
    memberGroup,
    args: ['--cluster', CLUSTER, '--group', formatGroup(group), '--member-group', formatGroup(memberGroup)],
  };
}

export function formatGroup({ host, port }: TestGroup): string {
  return `${host}:${port}`;
}

/** Not of 239.255.0.0/16, where the default groups are. */
function anyGroup(): TestGroup {
  const host = `239.${randomInt(255)}.${randomInt(256)}.${randomInt(1, 255)}`;
  return { host, port: randomInt(FIRST_PORT, END_OF_PORTS) };
}
