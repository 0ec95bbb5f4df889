import assert from 'node:assert/strict';
import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../../cluster/storage/storage-faults.ts';
import { DiskFiles } from './disk-files.ts';
import { FileError } from './file-layer.ts';
import { LOOK_MS, SealedFiles } from './sealed-files.ts';
import { PowerCutFiles } from './storage-faults.ts';

const file = (name: string, length: number) =>
  ({ path: [name], length, offset: 0, kind: 'file', executable: false }) as const;

function setting() {
  const layer = new PowerCutFiles();
  for (const name of ['a', 'b']) layer.place([name], Uint8Array.of(1, 2, 3));
  const all = [file('a', 3), file('b', 3), file('empty', 0)];
  let now = 0;
  const files = new SealedFiles(all, layer, () => now);
  const read = (place = 0) => files.read(all[place].path, 0, new Uint8Array(3));
  const wait = () => {
    now += LOOK_MS;
  };
  return { layer, files, read, wait };
}
const refusal = (code: string) => (error: unknown) => error instanceof FileError && error.code === code;

describe('Files that are sent to others', () => {
  it('may change until they are sealed', () => {
    const { layer, files, read, wait } = setting();
    read();
    layer.place(['a'], Uint8Array.of(3, 2, 1));
    files.seal();
    read();
    wait();
    read();
  });

  it('are read no more once somebody changed, cut or took them away; others are', () => {
    const changes: [string, (layer: PowerCutFiles) => void][] = [
      ['CHANGED', (layer) => layer.place(['a'], Uint8Array.of(3, 2, 1))],
      ['CHANGED', (layer) => layer.resize(['a'], 2)],
      ['MISSING', (layer) => layer.remove(['a'])],
    ];
    for (const [code, change] of changes) {
      const { layer, files, read, wait } = setting();
      files.seal();
      read();
      change(layer);
      wait();
      assert.throws(() => read(), refusal(code));
      assert.throws(() => read(), refusal(code), 'it is looked at again at once');
      read(1);
    }
  });

  it('are read again once the right one is put back', (t) => {
    const folder = temporaryFolder();
    const [place, other] = [join(folder, 'a'), join(folder, 'other')];
    writeFileSync(place, 'abc');
    const layer = new DiskFiles({ folder, readOnly: true });
    t.after(() => layer.close());
    let now = 0;
    const files = new SealedFiles([file('a', 3)], layer, () => now);
    const read = () => {
      const into = new Uint8Array(3);
      files.read(files.all[0].path, 0, into);
      return Buffer.from(into).toString();
    };
    files.seal();
    renameSync(place, other);
    writeFileSync(place, 'xyz');
    // So that it differs on a disk whose clock is slow.
    utimesSync(place, 1, 1);
    assert.throws(read, refusal('CHANGED'));
    renameSync(other, place);
    now += LOOK_MS;
    assert.equal(read(), 'abc');
  });

  it('are read as they lie there once they may change, though others were opened before', (t) => {
    const folder = temporaryFolder();
    const place = join(folder, 'a');
    writeFileSync(place, 'abc');
    const layer = new DiskFiles({ folder, readOnly: true });
    t.after(() => layer.close());
    const files = new SealedFiles([file('a', 3)], layer);
    const into = new Uint8Array(3);
    files.read(['a'], 0, into);
    renameSync(place, join(folder, 'other'));
    writeFileSync(place, 'xyz');
    files.unseal();
    files.read(['a'], 0, into);
    assert.equal(Buffer.from(into).toString(), 'xyz');
  });

  it('are read again as they are when they are sealed anew, or may change', () => {
    const { layer, files, read, wait } = setting();
    files.seal();
    layer.place(['a'], Uint8Array.of(3, 2, 1));
    assert.throws(() => read(), refusal('CHANGED'));
    files.unseal();
    read();
    files.seal();
    wait();
    read();
  });
});
