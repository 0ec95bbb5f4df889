import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { smallDisk, temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { hasBatchedCalls } from '../../net/platform.ts';
import { DiskFiles, type FileCalls, MAX_OPEN_FILES, SYNC_ALL_FROM } from './disk-files.ts';
import { FileError } from './file-layer.ts';

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof FileError, String(error));
    return error.code;
  }
  return 'done';
}
const MIB = 1024 * 1024;
const bytes = (...values: number[]) => Uint8Array.from(values);

describe('Files on a disk', () => {
  it('are made with their folders, written anywhere within their length, and read', () => {
    const folder = join(temporaryFolder(), 'new');
    const files = new DiskFiles({ folder });
    const path = ['a', 'b', 'c'];
    assert.equal(files.stat(path), undefined);
    files.resize(path, 10);
    files.write(path, 7, bytes(1, 2, 3));
    const into = new Uint8Array(4);
    files.read(path, 6, into);
    assert.deepEqual(into, bytes(0, 1, 2, 3));
    files.sync([path]);
    const before = files.stat(path);
    assert.equal(before?.bytes, 10);
    files.resize(path, 8);
    assert.deepEqual([...readFileSync(join(folder, ...path))], [0, 0, 0, 0, 0, 0, 0, 1]);
    assert.equal(
      refusal(() => files.read(path, 6, into)),
      'TOO_SHORT',
    );
    files.close();
    files.close();
    assert.equal(files.stat(path)?.bytes, 8);
    files.write(path, 0, bytes(9));
    files.close();
  });

  it('are made where there is nothing, whatever was there a moment ago', () => {
    const folder = temporaryFolder();
    const outside = temporaryFolder();
    const files = new DiskFiles({ folder });
    const path = ['a', 'b', 'c'];
    assert.equal(files.stat(path), undefined);
    assert.equal(files.create(path, 3), true);
    assert.deepEqual([files.stat(path)?.bytes, files.length(path), files.length(['a', 'c'])], [3, 3, undefined]);
    files.write(path, 0, bytes(1, 2, 3));
    assert.equal(files.create(path, 5), false);
    assert.deepEqual([...readFileSync(join(folder, ...path))], [1, 2, 3]);
    // What is written goes to the new file, not to the one that is gone.
    rmSync(join(folder, ...path));
    assert.equal(files.create(path, 2), true);
    files.write(path, 0, bytes(4, 5));
    assert.deepEqual([...readFileSync(join(folder, ...path))], [4, 5]);
    // A folder that was missing a moment ago is a link now.
    assert.equal(files.stat(['link', 'new']), undefined);
    symlinkSync(outside, join(folder, 'link'));
    assert.equal(
      refusal(() => files.create(['link', 'new'], 1)),
      'LEADS_ELSEWHERE',
    );
    symlinkSync(join(outside, 'new'), join(folder, 'dangling'));
    mkdirSync(join(folder, 'folder'));
    assert.deepEqual([files.create(['dangling'], 1), files.create(['folder'], 1)], [false, false]);
    assert.deepEqual(readdirSync(outside), []);
    files.close();
  });

  it('may be run when they are made to be, and stay as they are when they were there before', () => {
    if (process.platform === 'win32') return;
    const folder = temporaryFolder();
    const files = new DiskFiles({ folder });
    files.resize(['run'], 1, true);
    files.create(['new'], 1, true);
    files.resize(['read'], 1);
    writeFileSync(join(folder, 'mine'), 'x', { mode: 0o600 });
    files.resize(['mine'], 2, true);
    files.close();
    const mayRun = (name: string) => (statSync(join(folder, name)).mode & 0o100) !== 0;
    assert.deepEqual(['run', 'new', 'read', 'mine'].map(mayRun), [true, true, false, false]);
  });

  it('are no more open than the bound, and all written', () => {
    const folder = temporaryFolder();
    const files = new DiskFiles({ folder });
    const paths = Array.from({ length: 3 * MAX_OPEN_FILES }, (_, i) => [`${i % 7}`, `${i}`]);
    const open = () => readdirSync('/proc/self/fd').length;
    const before = process.platform === 'linux' ? open() : 0;
    for (const path of paths) files.resize(path, 1);
    for (const [i, path] of paths.entries()) files.write(path, 0, bytes(i));
    if (process.platform === 'linux') assert.ok(open() - before <= MAX_OPEN_FILES);
    files.sync(paths);
    files.close();
    for (const [i, path] of paths.entries()) assert.equal(readFileSync(join(folder, ...path))[0], i & 0xff);
  });

  it('are synced at once when they are many', async (t) => {
    if (!hasBatchedCalls) return t.skip('needs the system calls of Linux');
    const { syncFileSystem } = await import('./linux-file-calls.ts');
    const folder = temporaryFolder();
    let syncs = 0;
    const calls: FileCalls = {
      syncFileSystem: (fd) => {
        syncs++;
        syncFileSystem(fd);
      },
    };
    const files = new DiskFiles({ folder, calls });
    const paths = Array.from({ length: SYNC_ALL_FROM }, (_, i) => [`${i % 3}`, `${i}`]);
    for (const path of paths) files.resize(path, 1);
    files.sync(paths.slice(1));
    assert.equal(syncs, 0);
    files.sync(paths);
    assert.equal(syncs, 1);
    assert.throws(() => syncFileSystem(-1), /EBADF/);
    // One of the folders is on another disk.
    const disk = smallDisk(t, '64k');
    if (!disk) return;
    symlinkSync(disk.folder, join(folder, 'elsewhere'));
    assert.equal(
      refusal(() => files.sync([...paths, ['elsewhere', 'x']])),
      'LEADS_ELSEWHERE',
    );
    assert.equal(syncs, 1);
    files.close();
  });

  it('have room on the disk before they are written, when they are large', async (t) => {
    if (!hasBatchedCalls) return t.skip('needs the system calls of Linux');
    const { preallocate, startWriting } = await import('./linux-file-calls.ts');
    const folder = temporaryFolder();
    const files = new DiskFiles({ folder, calls: { preallocate, startWriting } });
    files.resize(['large'], 5 * MIB);
    files.resize(['large'], 3 * MIB);
    files.resize(['large'], 4 * MIB);
    files.write(['large'], 2 * MIB, new Uint8Array(MIB).fill(7));
    files.sync([['large']]);
    const { size, blocks } = statSync(join(folder, 'large'));
    assert.equal(size, 4 * MIB);
    assert.ok(blocks * 512 >= 4 * MIB, `${blocks} blocks`);
    assert.deepEqual([...readFileSync(join(folder, 'large'))].slice(2 * MIB - 1, 2 * MIB + 1), [0, 7]);
    files.close();
  });

  it('are made all the same where the system cannot make room', () => {
    const folder = temporaryFolder();
    const files = new DiskFiles({ folder, calls: { preallocate: () => false } });
    files.resize(['large'], 5 * MIB);
    assert.equal(statSync(join(folder, 'large')).size, 5 * MIB);
    files.close();
  });

  it('keep nothing of the room that was found, when it is not enough', async (t) => {
    if (!hasBatchedCalls) return t.skip('needs the system calls of Linux');
    const { preallocate } = await import('./linux-file-calls.ts');
    const disk = smallDisk(t, '4m');
    if (!disk) return;
    const files = new DiskFiles({ folder: disk.folder, calls: { preallocate } });
    assert.equal(
      refusal(() => files.resize(['large'], 8 * MIB)),
      'DISK_FULL',
    );
    const { size, blocks } = statSync(join(disk.folder, 'large'));
    assert.deepEqual([size, blocks], [0, 0]);
    files.resize(['other'], 3 * MIB);
    files.close();
  });

  it('are not reached through links, of folders or of files', () => {
    const folder = temporaryFolder();
    const outside = temporaryFolder();
    writeFileSync(join(outside, 'secret'), 'secret');
    symlinkSync(outside, join(folder, 'folder'));
    symlinkSync(join(outside, 'secret'), join(folder, 'file'));
    symlinkSync(join(outside, 'new'), join(folder, 'dangling'));
    const files = new DiskFiles({ folder });
    for (const path of [['folder', 'secret'], ['folder', 'new'], ['folder', 'sub', 'new'], ['file'], ['dangling']]) {
      for (const act of [
        () => files.stat(path),
        () => files.length(path),
        () => files.open(path),
        () => files.resize(path, 3),
        () => files.read(path, 0, new Uint8Array(1)),
        () => files.write(path, 0, bytes(1)),
      ]) {
        assert.equal(refusal(act), 'LEADS_ELSEWHERE', path.join('/'));
      }
    }
    assert.deepEqual(readdirSync(outside), ['secret']);
    assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');
  });

  it('may be in a folder that is a link itself', () => {
    const folder = temporaryFolder();
    const link = join(temporaryFolder(), 'link');
    symlinkSync(folder, link);
    const files = new DiskFiles({ folder: link });
    files.resize(['a'], 1);
    files.close();
    assert.ok(existsSync(join(folder, 'a')));
  });

  it('are regular files: folders, pipes and what is in their way are refused without waiting', async (t) => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, 'file'), 'x');
    assert.equal(spawnSync('mkfifo', [join(folder, 'pipe')]).status, 0);
    const server = createServer().listen(join(folder, 'socket'));
    t.after(() => server.close());
    await once(server, 'listening');
    const files = new DiskFiles({ folder });
    for (const path of [['folder'], ['pipe'], ['socket'], ['file', 'below']]) {
      assert.equal(
        refusal(() => files.open(path)),
        'NOT_A_FILE',
        path.join('/'),
      );
      assert.equal(
        refusal(() => files.resize(path, 1)),
        'NOT_A_FILE',
        path.join('/'),
      );
      assert.equal(
        refusal(() => files.read(path, 0, new Uint8Array(1))),
        'NOT_A_FILE',
        path.join('/'),
      );
    }
    assert.equal(
      refusal(() => new DiskFiles({ folder: join(folder, 'file') })),
      'NOT_A_FILE',
    );
  });

  it('are looked at when they are opened, but not when they are open', () => {
    const folder = temporaryFolder();
    const files = new DiskFiles({ folder, readOnly: true });
    assert.deepEqual([files.open(['a']), files.open(['b', 'a'])], [undefined, undefined]);
    writeFileSync(join(folder, 'a'), 'abc');
    assert.deepEqual(files.open(['a']), files.stat(['a']));
    rmSync(join(folder, 'a'));
    assert.deepEqual([files.open(['a']), files.stat(['a'])], [undefined, undefined]);
    const into = new Uint8Array(3);
    files.read(['a'], 0, into);
    assert.equal(Buffer.from(into).toString(), 'abc');
    files.close();
    assert.equal(files.open(['a']), undefined);
  });

  it('that are gone are missed', () => {
    const folder = temporaryFolder();
    const files = new DiskFiles({ folder });
    assert.equal(
      refusal(() => files.read(['a'], 0, new Uint8Array(1))),
      'MISSING',
    );
    assert.equal(
      refusal(() => files.write(['b', 'a'], 0, bytes(1))),
      'MISSING',
    );
    files.resize(['a'], 1);
    rmSync(join(folder, 'a'));
    assert.equal(files.stat(['a']), undefined);
    assert.equal(
      refusal(() => new DiskFiles({ folder: join(folder, 'none'), readOnly: true })),
      'MISSING',
    );
  });

  it('for reading only are never changed', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'a'), 'abc');
    const files = new DiskFiles({ folder, readOnly: true });
    const into = new Uint8Array(3);
    files.read(['a'], 0, into);
    assert.equal(Buffer.from(into).toString(), 'abc');
    files.sync([['a']]);
    assert.notEqual(
      refusal(() => files.write(['a'], 0, bytes(1))),
      'done',
    );
    files.close();
    assert.equal(readFileSync(join(folder, 'a'), 'utf8'), 'abc');
  });

  it('that are read only need not be ours to write', (t) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'a'), 'abc');
    const files = new DiskFiles({ folder });
    const flags = () => {
      const fd = readdirSync('/proc/self/fd').find((name) => {
        try {
          return readlinkSync(`/proc/self/fd/${name}`) === join(folder, 'a');
        } catch {
          return false;
        }
      });
      return Number.parseInt(/flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '', 8);
    };
    if (process.platform !== 'linux') return t.skip('looks at the flags of open files, which Linux shows');
    files.read(['a'], 0, new Uint8Array(1));
    files.sync([['a']]);
    assert.equal(flags() & (constants.O_RDWR | constants.O_WRONLY), 0);
    files.write(['a'], 0, bytes(0x62));
    assert.equal(flags() & constants.O_RDWR, constants.O_RDWR);
    files.read(['a'], 0, new Uint8Array(1));
    files.close();
    assert.equal(readFileSync(join(folder, 'a'), 'utf8'), 'bbc');
  });

  it('say when the disk is full or cannot be written', (t) => {
    const disk = smallDisk(t, '64k');
    if (!disk) return;
    const files = new DiskFiles({ folder: disk.folder });
    files.resize(['a'], 1_000_000);
    assert.equal(
      refusal(() => files.write(['a'], 0, new Uint8Array(500_000))),
      'DISK_FULL',
    );
    files.close();
    disk.readOnly();
    assert.equal(
      refusal(() => files.resize(['b'], 1)),
      'UNWRITABLE',
    );
    files.close();
  });

  it('are refused, without waiting, where no folder can be made', { skip: process.platform !== 'linux' }, () => {
    assert.throws(
      () => new DiskFiles({ folder: '/proc/nobody/there' }),
      (error) => error instanceof FileError && error.code === 'UNWRITABLE' && /choose another/.test(error.message),
    );
  });

  it('tell a change by its time', () => {
    const folder = temporaryFolder();
    const files = new DiskFiles({ folder });
    files.resize(['a'], 1);
    const before = files.stat(['a']);
    files.close();
    linkSync(join(folder, 'a'), join(folder, 'same'));
    assert.deepEqual(files.stat(['same']), before);
    assert.equal(before?.changed, String(statSync(join(folder, 'a'), { bigint: true }).mtimeNs));
  });
});
