import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cluster, Member } from '../../../src/api/schemas.ts';
import { addressOf, originsOf } from './member-address.ts';

const member = (told: Partial<Member>) => ({ address: '127.0.0.1', clientPort: 6969, alive: true, ...told }) as Member;

test('an IPv6 address stands in brackets, and a port that is not known makes no address', () => {
  assert.equal(addressOf(member({})), '127.0.0.1:6969');
  assert.equal(addressOf(member({ address: '2001:db8::1' })), '[2001:db8::1]:6969');
  assert.equal(addressOf(member({ clientPort: 0 })), undefined);
});

test('others to connect to: those that live first, the one that was asked behind them, never home', () => {
  const cluster = {
    self: 'c',
    members: [
      member({ id: 'a', clientPort: 6969 }),
      member({ id: 'b', clientPort: 6970, alive: false }),
      member({ id: 'c', clientPort: 6971 }),
      member({ id: 'd', clientPort: 6972 }),
      member({ id: 'e', clientPort: 0 }),
    ],
  } as Cluster;
  assert.deepEqual(originsOf(cluster, 'http://127.0.0.1:6969'), [
    'http://127.0.0.1:6972',
    'http://127.0.0.1:6971',
    'http://127.0.0.1:6970',
  ]);
});
