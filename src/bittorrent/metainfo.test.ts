import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { BencodeError, type BencodeInput, encode } from './bencode.ts';
import { ContentLayoutError, fileAt, fileSpans, MAX_PIECE_LENGTH, pieceBytes } from './content-layout.ts';
import { MAX_TRACKERS, MetainfoError, PIECE_HASH_BYTES, parseInfo, parseMetainfo } from './metainfo.ts';
import { choosePieceLength, encodeInfo, encodeMetainfo, planContent, WANTED_PIECES } from './metainfo-create.ts';
import { POSIX_PATHS, TorrentPathError } from './torrent-paths.ts';

type Fields = { [key: string]: BencodeInput | undefined };
const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash('sha1').update(bytes).digest());
const hashes = (count: number) => new Uint8Array(count * PIECE_HASH_BYTES).fill(7);
const single = (more: Fields = {}): Fields => ({
  name: 'a.bin',
  length: 100,
  'piece length': 64,
  pieces: hashes(2),
  ...more,
});
const folder = (files: Fields[], pieces: number, more: Fields = {}): Fields => ({
  name: 'folder',
  files,
  'piece length': 64,
  pieces: hashes(pieces),
  ...more,
});
const torrent = (info: Fields, more: Fields = {}) => encode({ info, ...more });
const parse = (info: Fields, more?: Fields) => parseMetainfo(torrent(info, more), sha1);

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(
      error instanceof MetainfoError ||
        error instanceof BencodeError ||
        error instanceof ContentLayoutError ||
        error instanceof TorrentPathError,
      String(error),
    );
    return error.code;
  }
  return 'read';
}

describe('A torrent file', () => {
  it('of one file is read', () => {
    const { info, ...rest } = parse(single(), {
      announce: 'http://tracker/announce',
      comment: 'hello',
      'created by': 'test',
      'creation date': 12,
    });
    assert.deepEqual(rest, {
      trackers: [['http://tracker/announce']],
      comment: 'hello',
      createdBy: 'test',
      creationDate: 12,
    });
    assert.equal(info.name, 'a.bin');
    assert.equal(info.isFolder, false);
    assert.equal(info.size, 100);
    assert.equal(info.pieceCount, 2);
    assert.equal(info.isPrivate, false);
    assert.deepEqual(
      [0, 1].map((piece) => pieceBytes(info, piece)),
      [64, 36],
    );
    assert.deepEqual(info.files, [{ path: ['a.bin'], length: 100, offset: 0, kind: 'file', executable: false }]);
    assert.deepEqual(info.infoHash, sha1(encode(single())));
  });

  it('is read with its keys in any order and something behind its end, as sloppy programs write it', () => {
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
    const info = `d6:pieces40:${text(hashes(2))}6:lengthi100e12:piece lengthi64e4:name5:a.bine`;
    const bytes = new Uint8Array(Buffer.from(`d4:info${info}8:announce11:udp://t:6/ae\n`, 'latin1'));
    const read = parseMetainfo(bytes, sha1);
    const { infoHash, infoBytes, ...rest } = read.info;
    const { infoHash: _, infoBytes: __, ...orderly } = parse(single()).info;
    assert.deepEqual({ ...rest }, { ...orderly });
    assert.equal(text(infoBytes), info);
    assert.deepEqual(infoHash, sha1(Buffer.from(info, 'latin1')));
    assert.deepEqual(parseInfo(infoBytes, sha1), read.info);
    assert.deepEqual(read.trackers, [['udp://t:6/a']]);
  });

  it('keeps the bytes of its info, with fields nobody knows, for the info-hash', () => {
    const info = single({ source: 'somewhere', 'x unknown': [1, { y: 'z' }] });
    const { infoBytes, infoHash } = parse(info).info;
    assert.deepEqual(infoBytes, encode(info));
    assert.deepEqual(infoHash, sha1(encode(info)));
    assert.deepEqual(parseInfo(infoBytes, sha1), parse(info).info);
  });

  it('of a folder has its files below its name, pad files and links apart', () => {
    const { info } = parse(
      folder(
        [
          { length: 10, path: ['sub', 'run.sh'], attr: 'x' },
          { length: 54, path: ['.pad', '54'], attr: 'p' },
          { length: 0, path: ['empty'] },
          { length: 0, path: ['link'], attr: 'l', 'symlink path': ['..', '..', 'etc', 'passwd'] },
          { length: 10, path: ['b'] },
          { length: 54, path: ['.pad', '54'], attr: 'p' },
        ],
        2,
      ),
    );
    assert.deepEqual(
      info.files.map(({ path, offset, kind, executable }) => [path.join('/'), offset, kind, executable]),
      [
        ['folder/sub/run.sh', 0, 'file', true],
        ['folder/.pad/54', 10, 'pad', false],
        ['folder/empty', 64, 'file', false],
        ['folder/link', 64, 'link', false],
        ['folder/b', 64, 'file', false],
        ['folder/.pad/54', 74, 'pad', false],
      ],
    );
  });

  it('of no bytes has no pieces', () => {
    assert.equal(parse(single({ length: 0, pieces: '' })).info.pieceCount, 0);
    assert.equal(parse(folder([{ length: 0, path: ['empty'] }], 0)).info.pieceCount, 0);
    assert.equal(parse(folder([], 0)).info.pieceCount, 0);
  });

  it('that is private says so', () => {
    assert.equal(parse(single({ private: 1 })).info.isPrivate, true);
    assert.equal(parse(single({ private: 0 })).info.isPrivate, false);
  });

  it('that is a hybrid is read as version 1, one of version 2 alone is not', () => {
    const hybrid = single({ 'meta version': 2, 'file tree': { 'a.bin': { '': { length: 100 } } } });
    assert.equal(parse(hybrid).info.size, 100);
    assert.equal(
      refusal(() => parse({ ...hybrid, pieces: undefined })),
      'UNSUPPORTED_VERSION',
    );
    assert.equal(
      refusal(() => parse({ ...hybrid, 'meta version': 3 })),
      'UNSUPPORTED_VERSION',
    );
  });

  it('takes names in UTF-8 before others, and others as they can be', () => {
    const names = { name: Uint8Array.of(0xc4, 0xe3), 'name.utf-8': '你' };
    assert.equal(parse(single(names)).info.name, '你');
    assert.equal(parse(single({ name: Uint8Array.of(0x61, 0xff) })).info.name, 'a\ufffd');
    const path = { length: 1, path: [Uint8Array.of(0xff)], 'path.utf-8': ['é'] };
    assert.deepEqual(parse(folder([path], 1)).info.files[0].path, ['folder', 'é']);
  });

  it('has trackers in tiers, without what is no address, and no more than it may', () => {
    const trackers = (more: Fields) => parse(single(), more).trackers;
    assert.deepEqual(trackers({}), []);
    assert.deepEqual(
      trackers({ announce: 'udp://a:1', 'announce-list': [['udp://b:1', 'http://c/'], [], ['udp://d:1']] }),
      [['udp://b:1', 'http://c/'], ['udp://d:1']],
    );
    assert.deepEqual(trackers({ announce: 'udp://a:1', 'announce-list': [[]] }), [['udp://a:1']]);
    assert.deepEqual(trackers({ announce: 'udp://a:1', 'announce-list': 7 }), [['udp://a:1']]);
    assert.deepEqual(trackers({ announce: 'file:///etc/passwd' }), []);
    assert.deepEqual(trackers({ announce: `http://${'x'.repeat(3000)}` }), []);
    assert.deepEqual(trackers({ 'announce-list': [['dht://a', 5, ['udp://x:1']], [['x']]] }), []);
    const many = trackers({ 'announce-list': Array.from({ length: 500 }, (_, i) => [`udp://t:${i}`]) });
    assert.equal(many.length, MAX_TRACKERS);
  });

  it('is refused with its reason when a field is missing or wrong', () => {
    const cases: [Fields, string][] = [
      [single({ name: undefined }), 'MISSING_FIELD'],
      [single({ length: undefined }), 'MISSING_FIELD'],
      [single({ pieces: undefined }), 'MISSING_FIELD'],
      [single({ pieces: 5 }), 'MISSING_FIELD'],
      [single({ 'piece length': undefined }), 'MISSING_FIELD'],
      [single({ length: -1 }), 'INVALID_FIELD'],
      [single({ length: 'long' }), 'INVALID_FIELD'],
      [single({ length: 2n ** 70n }), 'INVALID_FIELD'],
      [single({ length: Number.MAX_SAFE_INTEGER }), 'TOO_MANY_PIECES'],
      [single({ 'piece length': 0 }), 'INVALID_PIECE_LENGTH'],
      [single({ 'piece length': -64 }), 'INVALID_PIECE_LENGTH'],
      [single({ 'piece length': '64' }), 'MISSING_FIELD'],
      [single({ 'piece length': 2n ** 64n }), 'INVALID_PIECE_LENGTH'],
      [single({ 'piece length': MAX_PIECE_LENGTH + 1, pieces: hashes(1) }), 'INVALID_PIECE_LENGTH'],
      [single({ pieces: hashes(1) }), 'PIECES_MISMATCH'],
      [single({ pieces: hashes(3) }), 'PIECES_MISMATCH'],
      [single({ pieces: new Uint8Array(39) }), 'PIECES_MISMATCH'],
      [single({ name: '../a' }), 'INVALID_CHARACTER'],
      [single({ name: '..' }), 'DOT_NAME'],
      [single({ files: 7 }), 'INVALID_FIELD'],
      [folder([{ length: 1, path: ['..', 'a'] }], 1), 'DOT_NAME'],
      [folder([{ length: 1, path: ['', 'etc', 'passwd'] }], 1), 'EMPTY_NAME'],
      [folder([{ length: 1, path: ['nul'] }], 1), 'RESERVED_NAME'],
      [folder([{ length: 1, path: [] }], 1), 'INVALID_FIELD'],
      [folder([{ length: 1, path: 'a' }], 1), 'INVALID_FIELD'],
      [folder([{ length: 1, path: [5] }], 1), 'INVALID_FIELD'],
      [folder([{ length: 1 }], 1), 'MISSING_FIELD'],
      [folder([{ path: ['a'] }], 1), 'MISSING_FIELD'],
      [
        folder(
          [
            { length: 1, path: ['a'] },
            { length: 1, path: ['A'] },
          ],
          1,
        ),
        'CASE_CLASH',
      ],
      [folder([{ length: 5, path: ['a'], attr: 'l' }], 1), 'INVALID_FIELD'],
      [
        folder(
          [
            { length: Number.MAX_SAFE_INTEGER, path: ['a'] },
            { length: Number.MAX_SAFE_INTEGER, path: ['b'] },
          ],
          1,
        ),
        'INVALID_LENGTH',
      ],
    ];
    for (const [info, code] of cases)
      assert.equal(
        refusal(() => parse(info)),
        code,
        inspect(info),
      );
    assert.equal(
      refusal(() => parseMetainfo(encode({}), sha1)),
      'MISSING_FIELD',
    );
    assert.equal(
      refusal(() => parseMetainfo(encode({ info: 5 }), sha1)),
      'INVALID_FIELD',
    );
    assert.equal(
      refusal(() => parseMetainfo(encode([1]), sha1)),
      'NOT_A_DICTIONARY',
    );
    assert.equal(
      refusal(() => parseMetainfo(new TextEncoder().encode('d4:info2147483648:'), sha1)),
      'INVALID_LENGTH',
    );
  });

  it('is read with the rules of the system it goes to', () => {
    const info = folder(
      [
        { length: 1, path: ['aux.c'] },
        { length: 1, path: ['AUX.c'] },
      ],
      1,
    );
    assert.equal(parseMetainfo(torrent(info), sha1, POSIX_PATHS).info.files.length, 2);
  });

  it('is a torrent or an error with a code, whatever the bytes', () => {
    const good = torrent(
      folder(
        [
          { length: 70, path: ['a'] },
          { length: 5, path: ['b', 'c'] },
        ],
        2,
      ),
      {
        'announce-list': [['udp://a:1']],
      },
    );
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, end) => {
        const bytes = good.slice();
        bytes[at] = byte;
        refusal(() => parseMetainfo(bytes, sha1));
        refusal(() => parseMetainfo(bytes.subarray(0, end), sha1));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('A new torrent', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const files = fc.uniqueArray(
    fc.record({
      path: fc.array(name, { minLength: 2, maxLength: 2 }),
      length: fc.oneof(fc.constantFrom(0, 1, 64, 128), fc.nat(300)),
      executable: fc.boolean(),
    }),
    { selector: (file) => file.path.join('/'), maxLength: 10 },
  );

  it('is read back as it was planned, with pad files or without', () => {
    fc.assert(
      fc.property(files, fc.boolean(), fc.boolean(), (source, padFiles, isPrivate) => {
        const layout = planContent('folder', source, { pieceLength: 64, padFiles });
        const infoBytes = encodeInfo(layout, hashes(layout.pieceCount), { isPrivate });
        const { info } = parseMetainfo(encodeMetainfo(infoBytes, { trackers: [['udp://a:1']], comment: 'c' }), sha1);
        assert.deepEqual(info, {
          ...layout,
          infoBytes,
          infoHash: sha1(infoBytes),
          pieceHashes: hashes(layout.pieceCount),
          isPrivate,
        });
        const real = layout.files.filter((file) => file.kind === 'file');
        assert.deepEqual(
          real.map((file) => file.length),
          source.map((file) => file.length),
        );
        if (padFiles) assert.ok(real.every((file) => file.length === 0 || file.offset % 64 === 0));
      }),
    );
  });

  it('of one file needs no folder', () => {
    const layout = planContent('a.bin', [{ path: [], length: 100 }], { pieceLength: 64 });
    const info = parseInfo(encodeInfo(layout, hashes(2)), sha1);
    assert.equal(info.isFolder, false);
    assert.deepEqual(info.files[0].path, ['a.bin']);
    assert.equal(planContent('a', [{ path: ['b'], length: 1 }]).isFolder, true);
  });

  it('names its trackers as BEP 12 wants them', () => {
    const infoBytes = encode(single());
    for (const trackers of [[], [['udp://a:1']], [['udp://a:1', 'udp://b:1']], [['udp://a:1'], ['udp://b:1']]]) {
      const bytes = encodeMetainfo(infoBytes, { trackers, createdBy: 'x', creationDate: 1 });
      assert.deepEqual(parseMetainfo(bytes, sha1).trackers, trackers);
    }
  });

  it('has pieces neither many nor long, a power of two', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1 << 30 }), (kib) => {
        const length = choosePieceLength(kib * 1024);
        assert.equal(length & (length - 1), 0);
        assert.ok(length >= 32 * 1024 && length <= 16 * 1024 * 1024);
        if (length < 16 * 1024 * 1024) assert.ok((kib * 1024) / length <= WANTED_PIECES);
      }),
    );
    assert.equal(choosePieceLength(1024 ** 3), 1024 ** 2);
  });

  it('is refused with paths that could not be read again, and with other than its hashes', () => {
    assert.equal(
      refusal(() => planContent('..', [{ path: [], length: 1 }])),
      'DOT_NAME',
    );
    assert.equal(
      refusal(() => planContent('a', [{ path: ['..', 'b'], length: 1 }])),
      'DOT_NAME',
    );
    assert.equal(
      refusal(() => planContent('', [])),
      'EMPTY_NAME',
    );
    const layout = planContent('a', [{ path: [], length: 100 }], { pieceLength: 64 });
    assert.equal(
      refusal(() => encodeInfo(layout, hashes(1))),
      'PIECES_MISMATCH',
    );
  });
});

describe('The files of a content', () => {
  it('cover any run of its bytes once, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 10 }), fc.nat(100), fc.nat(100), (lengths, from, count) => {
        const { files, size } = planContent(
          'x',
          lengths.map((length, i) => ({ path: [String(i)], length })),
          { pieceLength: 16 },
        );
        const start = Math.min(from, size);
        const end = Math.min(start + count, size);
        let at = start;
        for (const span of fileSpans(files, start, end)) {
          assert.equal(files[span.file].offset + span.offset, at);
          assert.ok(span.length > 0 && span.offset + span.length <= files[span.file].length);
          at += span.length;
        }
        assert.equal(at, end);
        if (start < size) {
          const file = files[fileAt(files, start)];
          assert.ok(file.offset <= start && start < file.offset + file.length);
        }
      }),
    );
  });
});
