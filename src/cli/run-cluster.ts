import { setTimeout as sleep } from 'node:timers/promises';
import type { MulticastGroup } from '../tracker/tracker.ts';
import { type ChildEnd, formatCommand, howItEnded } from './child-command.ts';
import { type ClusterView, ClusterWatch } from './cluster-watch.ts';
import { CommandError } from './command-error.ts';
import { InstanceProcess } from './instance-process.ts';
import { announceUrls, pagesUrl } from './listening.ts';
import { LiveView, viewLines } from './live-view.ts';
import { formatGroup } from './option-values.ts';
import { printJson, printLine } from './output.ts';
import { PeerProcess } from './peer-process.ts';
import { stopSignal } from './stop-signal.ts';

export interface ClusterPlan {
  readonly cluster: string;
  readonly group: MulticastGroup;
  readonly instances: readonly InstancePlan[];
  readonly peer: PeerPlan | undefined;
  readonly json: boolean;
}

/** A peer for whoever looks at the pages of the cluster. */
export interface PeerPlan {
  /** Of its pages; 0 takes a free one. */
  readonly apiPort: number;
  /** Of `peer`, but for `--api-port` and `--json`. */
  readonly args: readonly string[];
}

export interface InstancePlan {
  readonly name: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly dataDir: string;
  /** Of `tracker`, but for `--port` and `--json`. */
  readonly args: readonly string[];
}

const WATCH_MS = 500;

/**
 * Runs the instances as processes of their own until SIGINT or SIGTERM stops them, and shows how their cluster is. Who dies is
 * reported, not replaced. A peer is no reason to go on, and that there is none is no reason to stop.
 * @throws CommandError an instance cannot start; ALL_ENDED none is left
 */
export async function runCluster(plan: ClusterPlan): Promise<void> {
  await new ClusterRun(plan).run();
}

class ClusterRun {
  readonly #plan: ClusterPlan;
  readonly #view: LiveView | undefined;
  readonly #peer: PeerProcess | undefined;
  /** None until it is known whether there is a peer. */
  #instances: readonly InstanceProcess[] = [];
  #watch = new ClusterWatch([], { rates: false });
  #seen: ClusterView | undefined;
  #master: string | null = null;
  #stopping = false;
  /** Ends that were reported while others went on. */
  readonly #told = new Set<ChildEnd>();

  constructor(plan: ClusterPlan) {
    this.#plan = plan;
    this.#view = plan.json || !process.stdout.isTTY ? undefined : new LiveView(process.stdout);
    const { peer } = plan;
    this.#peer = peer && new PeerProcess({ ...peer, onLog: (line) => this.#log('peer', line) });
  }

  async run(): Promise<void> {
    const signalled = stopSignal();
    try {
      await Promise.race([this.#runOn(), signalled]);
    } finally {
      await this.#stop();
    }
    const unclean = this.#instances.find(({ end }) => end?.error !== undefined && !this.#told.has(end));
    if (unclean) throw new CommandError(unclean.end!.error!.code, `${unclean.name}: ${unclean.end!.error!.message}`);
  }

  /** @throws CommandError when there is nothing left to run */
  async #runOn(): Promise<void> {
    // First: the instances are told where its pages are.
    const peerPages = await this.#startPeer();
    if (this.#stopping) return;
    this.#launchInstances(peerPages === undefined ? [] : ['--peer-pages', peerPages]);
    await Promise.all(this.#instances.map((instance) => this.#start(instance)));
    this.#welcome();
    void this.#watchPeer();
    const ends = this.#instances.map(async (instance) => {
      const end = await instance.ended;
      this.#ended(instance, end);
      return end;
    });
    void this.#keepWatching();
    throw noneLeft(await Promise.all(ends));
  }

  #launchInstances(moreArgs: readonly string[]): void {
    this.#instances = this.#plan.instances.map(
      (each) =>
        new InstanceProcess({
          ...each,
          args: [...each.args, ...moreArgs],
          onLog: (line) => this.#log(each.name, line),
        }),
    );
    this.#watch = new ClusterWatch(this.#instances, { rates: this.#view !== undefined });
  }

  /** Where its pages are; undefined without one. */
  async #startPeer(): Promise<string | undefined> {
    try {
      const listening = await this.#peer?.ready;
      if (listening && this.#plan.json) printJson({ ...listening, event: 'peer-listening' });
      return listening?.url;
    } catch (error) {
      if (this.#stopping) return;
      const { code, message } = error as CommandError;
      const { apiPort } = this.#plan.peer!;
      const why =
        code === 'EADDRINUSE'
          ? `port ${apiPort} is taken: another program, or another peer, serves it; choose one with --peer-port (0 takes a free one)`
          : message;
      this.#tell({ event: 'peer-failed', code, message: why }, `swarmkeeper: goes on without a peer: ${why}`);
      return;
    }
  }

  async #watchPeer(): Promise<void> {
    if (this.#peer?.listening === undefined) return;
    const end = await this.#peer.ended;
    if (!this.#stopping) this.#tellEnd('peer-ended', this.#peer, end);
  }

  async #start(instance: InstanceProcess): Promise<void> {
    const listening = await instance.ready.catch((error: CommandError) => {
      throw new CommandError(error.code, `${instance.name} cannot start: ${error.message}`, { cause: error });
    });
    if (this.#plan.json) printJson(listening);
  }

  async #keepWatching(): Promise<void> {
    while (!this.#stopping) {
      const view = await this.#watch.look();
      if (this.#stopping) return;
      this.#tellMaster(view);
      this.#view?.show(viewLines(this.#seen, view, this.#deadInstances(view)));
      this.#seen = view;
      await sleep(WATCH_MS, undefined, { ref: false });
    }
  }

  #deadInstances(view: ClusterView | undefined) {
    // Somebody may have started it again by hand.
    const isBack = (instance: InstanceProcess) =>
      view?.members.some(({ id, alive }) => alive && id === this.#watch.idOf(instance)) ?? false;
    const dead = this.#instances.filter((instance) => instance.end !== undefined && !isBack(instance));
    // One that could not start was told of, and is not missed.
    const deadPeer = this.#peer?.listening !== undefined && this.#peer.end !== undefined ? [this.#peer] : [];
    return [...dead, ...deadPeer].map(({ name, commandLine }) => ({ name, command: formatCommand(commandLine) }));
  }

  #tellMaster(view: ClusterView | undefined): void {
    const master = view?.master ?? null;
    if (master === this.#master) return;
    this.#master = master;
    const name = view?.members.find(({ id }) => id === master)?.name ?? null;
    const term = view?.term ?? null;
    this.#tell(
      { event: 'master', id: master, name, term },
      master === null ? 'no master' : `master: ${name}, term ${term}`,
    );
  }

  #ended(instance: InstanceProcess, end: ChildEnd): void {
    if (this.#stopping) return;
    this.#told.add(end);
    this.#tellEnd('ended', instance, end);
  }

  #tellEnd(event: string, { name, pid, commandLine }: InstanceProcess | PeerProcess, end: ChildEnd): void {
    const { code, signal, error } = end;
    const how = `${code === 0 ? 'left' : 'died'} (pid ${pid}, ended ${howItEnded(end)}${error ? `: ${error.message}` : ''})`;
    this.#tell(
      { event, name, pid, code, signal, message: error?.message ?? null, command: commandLine },
      `${name} ${how}; this starts it again: ${formatCommand(commandLine)}`,
    );
  }

  #tell(event: object, line: string): void {
    if (this.#plan.json) printJson(event);
    else if (this.#view) this.#view.print(line);
    else printLine(line);
  }

  #log(name: string, line: string): void {
    if (this.#view) this.#view.print(`${name}: ${line}`);
    else process.stderr.write(this.#plan.json ? `${line}\n` : `${name}: ${line}\n`);
  }

  /** The peer first, which tells the cluster so; then the slaves: the master that remains needs no successor, so nobody elects one. */
  async #stop(): Promise<void> {
    this.#stopping = true;
    await this.#peer?.stop();
    const living = this.#instances.filter(({ end }) => end === undefined);
    const isMaster = (instance: InstanceProcess) =>
      this.#master !== null && this.#watch.idOf(instance) === this.#master;
    await Promise.all(living.filter((instance) => !isMaster(instance)).map((instance) => instance.stop()));
    await Promise.all(living.filter(isMaster).map((instance) => instance.stop()));
  }

  /** What to put into a torrent, and where to look. */
  #welcome(): void {
    if (this.#plan.json) return;
    const { cluster, group, instances } = this.#plan;
    const count = this.#instances.length;
    printLine(
      `swarmkeeper: ${count === 1 ? 'one instance serves' : `${count} instances serve`} cluster ${cluster}; announce to`,
    );
    for (const { listening } of this.#instances) {
      printLine(`  ${announceUrls(listening!.hosts[0], listening!.clientPort)}`);
    }
    printLine(`or, with a client that can ask by multicast, to udp://${formatGroup(group)}/announce`);
    const { hosts, clientPort } = this.#instances[0].listening!;
    printLine(`pages: ${pagesUrl(hosts[0], clientPort)}${count === 1 ? '' : ', and at each of the other instances'}`);
    const peerPages = this.#peer?.listening?.url;
    if (peerPages !== undefined) printLine(`share and download: ${peerPages}`);
    printLine(`data: ${instances.map(({ dataDir }) => dataDir).join(', ')}`);
    printLine(count === 1 ? 'Ctrl-C stops it.' : 'Ctrl-C stops them; each may also be killed by itself.');
  }
}

function noneLeft(ends: readonly ChildEnd[]): CommandError {
  const error = ends.map((end) => end.error).find((each) => each !== undefined);
  if (ends.length === 1 && error) return error;
  return new CommandError(
    error?.code ?? 'ALL_ENDED',
    `no instance is left${error ? ` (${error.message})` : ''}; what was acknowledged is on their disks, start them again`,
  );
}
