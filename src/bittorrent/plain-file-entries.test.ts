import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BencodeDictionary, decodePrefix, encode } from './bencode.ts';
import { PlainFileEntries } from './plain-file-entries.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: unknown) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes as Uint8Array);
const names = fc.array(fc.oneof(fc.constantFrom('folder', 'file', '', 'ä', '\ufeffx'), fc.string()), { minLength: 1 });

describe('Plain entries of the files of a torrent', () => {
  it('are read one behind the other, with names in any language', () => {
    const entry = fc.record({ length: fc.integer({ min: 0, max: 1e15 - 1 }), path: names });
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const bytes = encode(entries);
        const plain = new PlainFileEntries(bytes);
        let at = 1;
        for (const { length, path } of entries) {
          assert.deepEqual(plain.read(at), { path, length, kind: 'file', executable: false });
          at = plain.end;
        }
        assert.equal(at, bytes.length - 1);
      }),
    );
  });

  it('are left to the decoder when they have anything else', () => {
    const others = [
      'd4:attr1:x6:lengthi1e4:pathl1:aee',
      'd6:lengthi1e4:pathl1:ae10:path.utf-8l1:aee',
      'd4:pathl1:ae6:lengthi1ee',
      'd6:lengthi-1e4:pathl1:aee',
      'd6:lengthi01e4:pathl1:aee',
      'd6:lengthie4:pathl1:aee',
      'd6:lengthi1000000000000000e4:pathl1:aee',
      'd6:lengthi1e4:pathl01:aee',
      'd6:lengthi1e4:pathl9:aee',
      'd6:lengthi1e4:pathli1eee',
      'd6:lengthi1e4:pathlee',
      `d6:lengthi1e4:pathl${'1:a'.repeat(65)}ee`,
      'd6:lengthi1e4:pathl1:ae',
      'd6:lengthi1e4:pathl1:a',
      'd6:leng',
      '',
    ];
    for (const other of others) assert.equal(new PlainFileEntries(bytesOf(other)).read(0), undefined, other);
  });

  it('mean what the decoder finds in them, and end where it ends, whatever the bytes', () => {
    const pieces = fc.constantFrom(
      'd',
      '6:length',
      'i1e',
      'i12e',
      '4:path',
      'l',
      '1:a',
      '2:bc',
      '0:',
      'e',
      'ee',
      '03:x',
      'i0e',
    );
    const almost = fc
      .tuple(names, fc.nat(), fc.nat(), fc.constantFrom(...bytesOf('0123:ieldx')))
      .map(([path, length, place, byte]) => {
        const bytes = encode({ length, path });
        bytes[place % bytes.length] = byte;
        return bytes;
      });
    const texts = fc.array(pieces, { maxLength: 12 }).map((parts) => bytesOf(parts.join('')));
    fc.assert(
      fc.property(fc.oneof(almost, texts), (bytes) => {
        const plain = new PlainFileEntries(bytes);
        const file = plain.read(0);
        if (!file) return;
        const { value, end } = decodePrefix(bytes);
        assert.ok(value instanceof BencodeDictionary);
        assert.equal(plain.end, end);
        assert.equal(value.size, 2);
        assert.equal(value.get('length'), file.length);
        assert.deepEqual((value.get('path') as unknown[]).map(textOf), file.path);
      }),
      { numRuns: 1000 },
    );
  });
});
