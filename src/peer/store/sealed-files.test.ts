import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
