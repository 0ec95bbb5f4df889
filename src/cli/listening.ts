import { authority } from '../api/client-address.ts';
import type { Listening } from './listening-line.ts';
import { printJson, printLine } from './output.ts';
import type { RunningInstance } from './run-instance.ts';

/** For programs: an instance is ready, and where. */
export function printListening({ tracker, cluster, name, dataDir }: RunningInstance): void {
  printJson({
    event: 'listening',
    clientPort: tracker.clientPort,
    memberPort: tracker.memberPort,
    pid: process.pid,
    cluster,
    name,
    hosts: [...tracker.clientHosts],
    data: dataDir,
  } satisfies Listening);
}

/** The same for people: what to put into a torrent, and where to look. */
export function printWelcome({ tracker, cluster, name, dataDir }: RunningInstance): void {
  printLine(`swarmkeeper: ${name} serves cluster ${cluster}; announce to`);
  for (const host of tracker.clientHosts) printLine(`  ${announceUrls(host, tracker.clientPort)}`);
  printLine(`pages: ${pagesUrl(tracker.clientHosts[0], tracker.clientPort)}`);
  printLine(`status: http://${authority(tracker.clientHosts[0], tracker.clientPort)}/api/v1/cluster`);
  printLine(`data: ${dataDir}`);
  printLine('Ctrl-C stops it.');
}

/** Where a browser finds the pages of the cluster. */
export function pagesUrl(host: string, port: number): string {
  return `http://${authority(host, port)}/`;
}

export function announceUrls(host: string, port: number): string {
  const at = authority(host, port);
  return `udp://${at}/announce  or  http://${at}/announce`;
}
