import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Member } from '../../../../src/api/schemas.ts';
import { parseMagnet } from '../../../../src/bittorrent/magnet.ts';
import { magnetLink } from './magnet-link.ts';

const member = (told: Partial<Member>) => ({ address: '192.0.2.7', clientPort: 6969, alive: true, ...told }) as Member;

test('a link carries the sha1, the name whatever is in it, and the members that live as trackers', () => {
  const members = [member({}), member({ alive: false, clientPort: 6970 }), member({ address: '2001:db8::1' })];
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (name) => {
      const parsed = parseMagnet(magnetLink({ sha1: 'ab'.repeat(20), name }, { members }));
      assert.equal(Buffer.from(parsed.infoHash).toString('hex'), 'ab'.repeat(20));
      assert.equal(parsed.name, name);
      assert.deepEqual(parsed.trackers, ['udp://192.0.2.7:6969/announce', 'udp://[2001:db8::1]:6969/announce']);
    }),
  );
});
