import { spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { findProgram, missingPrograms } from '../harness/programs.ts';
import { RunningProcess } from '../harness/running-process.ts';
import { NetworkNamespace } from './network-namespace.ts';
import { type Path, type PathCounts, Switch } from './switch.ts';

/** Name of the host that the test itself is: its sockets are plugged into the switch like everybody else's. */
export const CLIENT = 'client';
/** Addresses are 10.69.0.1 and so on, in the order of the hosts; private (RFC 1918), and reachable by nobody else anyway. */
const PREFIX = '10.69.0';
const DEVICE = 'eth0';

/** A machine of its own, as far as the network shows. */
export interface Host {
  readonly name: string;
  readonly address: string;
  readonly namespace: NetworkNamespace;
}

/** Why a test cannot have a network of its own, for its `skip`; false when it can. */
export function missingForLan(): string | false {
  const missing = process.platform === 'linux' ? missingPrograms('ip', 'cc') : 'needs the network namespaces of Linux';
  if (missing !== false) return missing;
  try {
    NetworkNamespace.create().close();
    return false;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    return (error as Error).message;
  }
}

/**
 * Hosts on one Ethernet that nobody else is on, each in a network namespace, and a switch between them that does to every
 * path what the test wants. While it is open, this process is one of them: `CLIENT`. One at a time in a process.
 */
export class Lan implements AsyncDisposable {
  readonly #home: NetworkNamespace;
  readonly #inside: NetworkNamespace;
  readonly #hosts: readonly Host[];
  readonly #switch: Switch;

  /**
   * @param names of the hosts beside the client
   * @param seed decides what becomes of the nth frame of a path since it was set
   */
  static async open(names: readonly string[], seed = 1): Promise<Lan> {
    const home = NetworkNamespace.current();
    const inside = NetworkNamespace.create();
    const hosts = [...names, CLIENT].map((name, i) => {
      return { name, address: `${PREFIX}.${i + 1}`, namespace: NetworkNamespace.create() };
    });
    try {
      inside.enter();
      const ports = hosts.map(({ name }, i) => ({ name, device: `port${i}`, farEnd: `end${i}` }));
      ip(
        ports.flatMap(({ device, farEnd }) => [
          `link add name ${device} type veth peer name ${farEnd}`,
          `link set dev ${device} addrgenmode none up`,
        ]),
      );
      const between = await Switch.start(ports, seed);
      ip(hosts.map(({ namespace }, i) => `link set dev end${i} netns ${namespace.path} name ${DEVICE}`));
      for (const { address, namespace } of hosts) namespace.within(() => ip(addressing(address)));
      hosts.at(-1)!.namespace.enter();
      return new Lan(home, inside, hosts, between);
    } catch (error) {
      home.enter();
      for (const namespace of [home, inside, ...hosts.map((host) => host.namespace)]) namespace.close();
      throw error;
    }
  }

  private constructor(home: NetworkNamespace, inside: NetworkNamespace, hosts: readonly Host[], between: Switch) {
    this.#home = home;
    this.#inside = inside;
    this.#hosts = hosts;
    this.#switch = between;
  }

  /** The hosts beside the client. */
  get names(): readonly string[] {
    return this.#hosts.map(({ name }) => name).filter((name) => name !== CLIENT);
  }

  host(name: string): Host {
    const host = this.#hosts.find((host) => host.name === name);
    if (host === undefined) throw new Error(`there is no host ${name}`);
    return host;
  }

  /** Starts a process on a host. It ends when this one does, even if this one is killed. */
  run(name: string, program: string, args: readonly string[]): RunningProcess {
    const { namespace } = this.host(name);
    return namespace.within(() => new RunningProcess('setpriv', ['--pdeathsig', 'KILL', program, ...args]));
  }

  /** A UDP socket on a host, bound to its address unless another one is given. */
  async socket(name: string, bound?: string): Promise<Socket> {
    const { address, namespace } = this.host(name);
    // The address is one already; with this the system is asked for the socket now, and not a turn of the event loop later.
    const lookup = (given: string, __: unknown, found: (error: null, address: string, family: number) => void) =>
      found(null, given, 4);
    const socket = createSocket({ type: 'udp4', lookup: lookup as never });
    const listening = once(socket, 'listening');
    namespace.within(() => socket.bind(0, bound ?? address));
    await listening;
    return socket;
  }

  /** Sets the paths from each of the hosts to each of the others, one way. */
  async set(from: readonly string[], to: readonly string[], path: Path): Promise<void> {
    const pairs = from.flatMap((a) => to.filter((b) => a !== b).map((b) => ({ from: a, to: b, path })));
    await this.#switch.setPaths(pairs);
  }

  /** Sets the paths among all of them, both ways. */
  async among(names: readonly string[], path: Path): Promise<void> {
    await this.set(names, names, path);
  }

  /** Every frame arrives again, at once and once. */
  async heal(): Promise<void> {
    await this.among(
      this.#hosts.map(({ name }) => name),
      {},
    );
  }

  counts(): Promise<PathCounts[]> {
    return this.#switch.counts();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#home.enter();
    await this.#switch[Symbol.asyncDispose]();
    for (const namespace of [this.#home, this.#inside, ...this.#hosts.map((host) => host.namespace)]) namespace.close();
  }
}

function addressing(address: string): string[] {
  return [
    'link set dev lo up',
    `addr add ${address}/24 dev ${DEVICE}`,
    `link set dev ${DEVICE} addrgenmode none up`,
    // Who does not say by which device a group is to be asked.
    `route add 224.0.0.0/4 dev ${DEVICE}`,
  ];
}

/** Runs commands of `ip` in the network namespace that this thread is in. */
function ip(commands: readonly string[]): void {
  const { status, stderr, error } = spawnSync(findProgram('ip')!, ['-batch', '-'], {
    input: commands.join('\n'),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`ip cannot set up the network: ${error ?? stderr}`);
}
