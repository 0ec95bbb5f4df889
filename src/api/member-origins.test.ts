import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMemberOrigin, memberOrigins } from './member-origins.ts';

const member = (address: string, clientPort: number) => ({ address, clientPort });

test('members serve their pages where clients ask, as far as that is known', () => {
  const members = [member('192.0.2.1', 6969), member('2001:db8::1', 80), member('', 0), member('192.0.2.1', 6969)];
  assert.deepEqual(memberOrigins(members), ['http://192.0.2.1:6969', 'http://[2001:db8::1]:80']);
});

test('a page of a member may read, one of another server or port may not', () => {
  const members = [member('192.0.2.1', 6969), member('2001:db8::1', 80), member('', 0)];
  for (const origin of ['http://192.0.2.1:6969', 'http://[2001:db8::1]']) {
    assert.ok(isMemberOrigin(origin, members), origin);
  }
  for (const origin of [
    'null',
    '',
    'http://192.0.2.1',
    'http://192.0.2.1:6970',
    'https://192.0.2.1:6969',
    'http://192.0.2.1.example:6969',
    'http://localhost:6969',
    'http://127.0.0.1:6969',
    'http://example.org',
    'file://',
  ]) {
    assert.ok(!isMemberOrigin(origin, members), origin);
  }
});

test('a member on loopback has all names of this machine', () => {
  const members = [member('127.0.0.1', 6970)];
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '127.0.0.2']) {
    assert.ok(isMemberOrigin(`http://${host}:6970`, members), host);
    assert.ok(!isMemberOrigin(`http://${host}:6971`, members), host);
  }
  assert.ok(!isMemberOrigin('http://192.0.2.1:6970', members));
});
