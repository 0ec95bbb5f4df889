import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { findProgram } from '../harness/programs.ts';

/** From sched.h. */
const CLONE_NEWNS = 0x0002_0000;
const CLONE_NEWNET = 0x4000_0000;

export type Family = 4 | 6;

/** Where the tracker listens, as by default. */
export const TRACKER_HOST: Readonly<Record<Family, string>> = { 4: '127.0.0.1', 6: '::1' };

/** Names for these addresses, one each. */
export const TRACKER_NAME: Readonly<Record<Family, string>> = { 4: 'tracker4.test', 6: 'tracker6.test' };

/**
 * Two addresses of each family for clients. None is a loopback address: Transmission takes no peer at 127.0.0.0/8 or ::1
 * from a tracker, and no IPv6 at all unless the machine has a global address.
 */
export const CLIENT_HOSTS: readonly Readonly<Record<Family, string>>[] = [
  { 4: '10.69.0.1', 6: '2001:db8:69::1' },
  { 4: '10.69.0.2', 6: '2001:db8:69::2' },
];

/**
 * Moves this process, and all that it starts from now on, into a network namespace of its own: a machine that is alone
 * in the world, with the addresses and names above on its loopback device, where every port is free and no packet gets
 * out.
 * @returns what is missing, for a test's `skip`; false when it is there
 * @throws under CI=true, where nothing may be missing
 */
export function enterPrivateNetwork(): string | false {
  const missing = tryToEnter();
  if (missing !== undefined && process.env.CI === 'true') throw new Error(missing);
  return missing ?? false;
}

function tryToEnter(): string | undefined {
  if (process.platform !== 'linux') return 'needs the network namespaces of Linux';
  const ip = findProgram('ip');
  if (ip === undefined) return 'missing: ip; apt-get install iproute2';
  // Of the calling thread only. Node makes sockets and processes on this one, so that they all come to be inside.
  const unshare = koffi.load('libc.so.6').func('int unshare(int flags)');
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) !== 0) {
    return 'may not make a network namespace: run the tests as root, or under `unshare --map-root-user --net`';
  }
  run(ip, ['-batch', '-'], addresses().join('\n'));
  replaceHostsFile();
  return undefined;
}

function addresses(): string[] {
  return [
    'link set lo up',
    ...CLIENT_HOSTS.flatMap((host) => [`addr add ${host[4]}/24 dev lo`, `addr add ${host[6]}/128 dev lo nodad`]),
    // Clients that look for a route to the world find out by it which addresses they have.
    'route add 0.0.0.0/0 dev lo',
    'route add ::/0 dev lo',
  ];
}

/** In the mount namespace, which nobody else sees. */
function replaceHostsFile(): void {
  const folder = mkdtempSync(join(tmpdir(), 'swarmkeeper-test-'));
  const file = join(folder, 'hosts');
  writeFileSync(file, ([4, 6] as const).map((family) => `${TRACKER_HOST[family]} ${TRACKER_NAME[family]}\n`).join(''));
  run('mount', ['--make-rprivate', '/']);
  run('mount', ['--bind', file, '/etc/hosts']);
  rmSync(folder, { recursive: true });
}

function run(program: string, args: readonly string[], input = ''): void {
  const { status, stderr, error } = spawnSync(program, args, { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} cannot set up the private network: ${error ?? stderr}`);
}
