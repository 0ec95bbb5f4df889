import { authority } from '../api/client-address.ts';
import { printJson, printLine } from './output.ts';
import type { RunningInstance } from './run-instance.ts';

/** The line that tells programs that an instance is ready, and where. */
export function printListening({ tracker, cluster, name, dataDir }: RunningInstance): void {
  printJson({
    event: 'listening',
    clientPort: tracker.clientPort,
    memberPort: tracker.memberPort,
    pid: process.pid,
    cluster,
    name,
    hosts: tracker.clientHosts,
    data: dataDir,
  });
}

/** The same for people: what to put into a torrent, and where to look. */
export function printWelcome({ tracker, cluster, name, dataDir }: RunningInstance): void {
  printLine(`swarmkeeper: ${name} serves cluster ${cluster}; announce to`);
  for (const host of tracker.clientHosts) {
    const at = authority(host, tracker.clientPort);
    printLine(`  udp://${at}/announce  or  http://${at}/announce`);
  }
  printLine(`status: http://${authority(tracker.clientHosts[0], tracker.clientPort)}/api/v1/cluster`);
  printLine(`data: ${dataDir}`);
  printLine('Ctrl-C stops it.');
}
