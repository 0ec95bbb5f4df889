import assert from 'node:assert/strict';
import { posix, win32 } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  checkPath,
  checkPaths,
  MAX_NAME_BYTES,
  MAX_PATH_BYTES,
  MAX_PATH_NAMES,
  type PathRules,
  POSIX_PATHS,
  TorrentPathError,
  type TorrentPathErrorCode,
} from './torrent-paths.ts';

function refusal(act: () => void): TorrentPathErrorCode | 'allowed' {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof TorrentPathError, String(error));
    return error.code;
  }
  return 'allowed';
}
const pathRefusal = (path: string[], rules?: PathRules) => refusal(() => checkPath(path, rules));
const pathsRefusal = (paths: string[], rules?: PathRules) =>
  refusal(() =>
    checkPaths(
      paths.map((path) => path.split('/')),
      rules,
    ),
  );

describe('Paths of a torrent', () => {
  it('are names one below the other, in any script', () => {
    for (const path of [
      ['a'],
      ['Björk', '01 – Jóga.flac'],
      ['日本', '…', '..a', 'a..b', '.hidden'],
      ['com10', 'nul-', 'console'],
    ]) {
      assert.equal(pathRefusal(path), 'allowed', path.join('/'));
    }
  });

  it('are refused when they lead elsewhere, on whatever system', () => {
    const cases: [string[], TorrentPathErrorCode][] = [
      [[], 'EMPTY_PATH'],
      [['', 'etc', 'passwd'], 'EMPTY_NAME'],
      [['a', ''], 'EMPTY_NAME'],
      [['..', 'a'], 'DOT_NAME'],
      [['a', '..', '..', 'b'], 'DOT_NAME'],
      [['.'], 'DOT_NAME'],
      [['/etc/passwd'], 'INVALID_CHARACTER'],
      [['a/../../b'], 'INVALID_CHARACTER'],
      [['..\\a'], 'INVALID_CHARACTER'],
      [['a\0.txt'], 'INVALID_CHARACTER'],
      [['a\u001b[2J'], 'INVALID_CHARACTER'],
    ];
    for (const rules of [undefined, POSIX_PATHS]) {
      for (const [path, code] of cases) assert.equal(pathRefusal(path, rules), code, JSON.stringify(path));
    }
  });

  it('are refused when no file system has room for them', () => {
    assert.equal(pathRefusal(['x'.repeat(MAX_NAME_BYTES)]), 'allowed');
    assert.equal(pathRefusal(['x'.repeat(MAX_NAME_BYTES + 1)]), 'NAME_TOO_LONG');
    assert.equal(pathRefusal(['é'.repeat(128)]), 'NAME_TOO_LONG');
    assert.equal(pathRefusal(['日'.repeat(86)]), 'NAME_TOO_LONG');
    assert.equal(pathRefusal(Array(MAX_PATH_NAMES).fill('a')), 'allowed');
    assert.equal(pathRefusal(Array(MAX_PATH_NAMES + 1).fill('a')), 'PATH_TOO_LONG');
    assert.equal(pathRefusal(Array(9).fill('x'.repeat(MAX_PATH_BYTES / 9 + 1))), 'PATH_TOO_LONG');
  });

  it("are refused by default when they are Windows' devices or names it cannot hold", () => {
    const names = [
      'NUL',
      'con',
      'aux.c',
      'COM1.txt',
      'lpt9',
      'com¹',
      'nul .txt',
      'conin$',
      'C:',
      'a?b',
      'a*',
      '"',
      'a|b',
      'end.',
      'end ',
    ];
    for (const name of names) {
      assert.equal(pathRefusal(['folder', name]), 'RESERVED_NAME', name);
      assert.equal(pathRefusal(['folder', name], POSIX_PATHS), 'allowed', name);
    }
  });

  it('are refused when two files are one', () => {
    assert.equal(pathsRefusal(['a/b', 'a/c', 'b/b']), 'allowed');
    assert.equal(pathsRefusal(['a/b', 'c', 'a/b']), 'DUPLICATE_PATH');
    assert.equal(pathsRefusal(['a/b', 'a']), 'FILE_AND_FOLDER');
    assert.equal(pathsRefusal(['a', 'a/b']), 'FILE_AND_FOLDER');
    assert.equal(pathsRefusal(['a/b/c', 'a/b']), 'FILE_AND_FOLDER');
  });

  it('are refused by default when they differ in case or composition only, be it of a folder', () => {
    for (const paths of [
      ['x/README', 'x/readme'],
      ['x/a', 'X/b'],
      ['straße', 'STRASSE'],
      ['\u00e9', 'e\u0301'],
    ]) {
      assert.equal(pathsRefusal(paths), 'CASE_CLASH', paths.join(' '));
      assert.equal(pathsRefusal(paths, POSIX_PATHS), 'allowed', paths.join(' '));
    }
  });

  it('never lead out of the folder when they pass, by the rules of either system', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom('..', '.', '', '/', '\\', 'C:', 'a', '...', '.. ', '..\\', 'con'),
    );
    fc.assert(
      fc.property(fc.array(name, { maxLength: 5 }), (path) => {
        if (pathRefusal(path) !== 'allowed') return;
        const below = posix.resolve('/folder', path.join('/'));
        assert.ok(below.startsWith('/folder/') && posix.relative('/folder', below).split('/').length === path.length);
        const onWindows = win32.resolve('C:\\folder', path.join('\\'));
        assert.ok(onWindows.startsWith('C:\\folder\\'));
        assert.equal(win32.relative('C:\\folder', onWindows).split('\\').length, path.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('that pass together are as many files under their folded names', () => {
    const name = fc.constantFrom('a', 'A', 'b', 'ab');
    fc.assert(
      fc.property(fc.array(fc.array(name, { minLength: 1, maxLength: 3 }), { maxLength: 6 }), (paths) => {
        if (refusal(() => checkPaths(paths)) !== 'allowed') return;
        const files = new Set(paths.map((path) => path.join('/').toLowerCase()));
        assert.equal(files.size, paths.length);
        for (const path of paths) {
          for (let depth = 1; depth < path.length; depth++) {
            assert.ok(!files.has(path.slice(0, depth).join('/').toLowerCase()));
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
