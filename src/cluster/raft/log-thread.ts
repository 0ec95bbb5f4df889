import { randomInt } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { keepCompiledCode } from '../compiled-code.ts';
import type { HostMessage, HostReply } from '../log-messages.ts';
import { LogServer } from '../log-server.ts';
import { StorageError } from '../storage/sqlite-file.ts';
import { openLanTransport } from '../transport/lan/lan-transport.ts';
import { takePrecedence } from './precedence.ts';
import type { RaftLogOptions } from './raft.ts';
import { RaftDisk } from './raft-disk.ts';
import { RaftEngine } from './raft-engine.ts';
import { SnapshotFiles } from './snapshot-files.ts';

// The thread of the consensus: the core, the other members, keepalives and clients. The disk has a thread of its own.

const host = parentPort!;
const reply = (message: HostReply) => host.postMessage(message);

keepCompiledCode();
try {
  await run(workerData as RaftLogOptions);
} catch (error) {
  if (!(error instanceof StorageError)) throw error;
  reply({ type: 'refused', code: error.code, path: error.path, reason: error.message });
  host.close();
}

async function run(options: RaftLogOptions): Promise<void> {
  const { folder, cluster, name, clientPort, expect, keepLogBytes, replaceAfterMs, memberGroup, key = null } = options;
  const disk = await RaftDisk.open({ folder, cluster });
  const { identity, base } = disk.content;
  const warn = (message: string) => reply({ type: 'warning', message });
  const transport = await openLanTransport({
    clusterName: cluster,
    cluster: null,
    self: { member: identity.member, boot: identity.bootCount, nonce: randomInt(2 ** 32) },
    host: options.host,
    port: options.memberPort,
    ...(memberGroup && { group: memberGroup.host, groupPort: memberGroup.port }),
    key,
    warn,
  });
  const snapshots = new SnapshotFiles(folder, base.index);
  const engine = new RaftEngine({
    cluster,
    name,
    clientPort,
    expect,
    disk,
    snapshots,
    transport,
    warn,
    onVoter: () => {
      takePrecedence();
      disk.request({ type: 'take-precedence' });
    },
    ...(keepLogBytes !== undefined && { keepLogBytes }),
    ...(replaceAfterMs !== undefined && { replaceAfterMs }),
  });
  const server = new LogServer(engine, engine.status());
  engine.start(server);

  host.on('message', async (message: HostMessage) => {
    switch (message.type) {
      case 'connect':
        server.connect(message.port);
        break;
      case 'describe':
        engine.describe(message.clientPort);
        break;
      case 'close':
        server.drain();
        await engine.finish();
        server.close();
        await transport.close();
        await disk.close();
        reply({ type: 'closed' });
        host.close();
        break;
    }
  });
  reply({ type: 'ready', identity, memberPort: transport.port });
}
