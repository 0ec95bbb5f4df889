import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressesOf, parseTrackerUrl } from './tracker-address.ts';
import { TrackerError } from './tracker-error.ts';

const NEVER = new AbortController().signal;

test('addresses of trackers are read as they are written', () => {
  const cases: [string, string, string, number, string][] = [
    ['udp://tracker.example:6969/announce', 'udp', 'tracker.example', 6969, '/announce'],
    ['UDP://192.0.2.1:80', 'udp', '192.0.2.1', 80, ''],
    ['udp://[2001:DB8::1]:6969/a?passkey=%20x#y', 'udp', '2001:db8::1', 6969, '/a?passkey=%20x'],
    ['http://tracker.example/announce', 'http', 'tracker.example', 80, '/announce'],
    ['https://tracker.example/é?k=1', 'https', 'tracker.example', 443, '/%C3%A9?k=1'],
    ['https://tracker.example:8443?k', 'https', 'tracker.example', 8443, '?k'],
    ['http://bücher.example:81/', 'http', 'xn--bcher-kva.example', 81, '/'],
  ];
  for (const [text, ...expected] of cases) {
    const { protocol, host, port, path, href } = parseTrackerUrl(text);
    assert.deepEqual([protocol, host, port, path, href], [...expected, text]);
  }
});

test('what is no address of a tracker is refused with the reason', () => {
  const bad = [
    '',
    'udp://',
    'udp://tracker.example',
    'udp://tracker.example/announce',
    'udp://tracker.example:0/',
    'udp://tracker.example:65536/',
    'wss://tracker.example/',
    'http://',
    'http://a b/',
    'http://[::1/',
    'file:///etc/passwd',
    `udp://tracker.example:1/${'x'.repeat(3000)}`,
  ];
  for (const text of bad) assert.throws(() => parseTrackerUrl(text), { code: 'INVALID_URL' }, text);
});

test('arbitrary text is an address or is refused', () => {
  const scheme = fc.constantFrom('udp://', 'http://', 'https://', '');
  fc.assert(
    fc.property(scheme, fc.string({ unit: 'binary' }), (start, rest) => {
      try {
        const { port, path, protocol } = parseTrackerUrl(start + rest);
        assert.ok(port >= 1 && port <= 65_535 && /^[\x21-\x7e]*$/.test(path) && protocol.length > 2);
      } catch (error) {
        assert.ok(error instanceof TrackerError && error.code === 'INVALID_URL', `${error}`);
      }
    }),
  );
});

test('an address needs no look-up, a name has the first address of each family', async () => {
  const never = () => Promise.reject(new Error('looked up'));
  assert.deepEqual([...(await addressesOf('192.0.2.1', NEVER, never))], [[4, '192.0.2.1']]);
  assert.deepEqual([...(await addressesOf('::1', NEVER, never))], [[6, '::1']]);
  const several = async () => [
    { address: '2001:db8::1', family: 6 },
    { address: '192.0.2.1', family: 4 },
    { address: '192.0.2.2', family: 4 },
  ];
  assert.deepEqual(
    [...(await addressesOf('x', NEVER, several))],
    [
      [6, '2001:db8::1'],
      [4, '192.0.2.1'],
    ],
  );
});

test('a name that nobody knows is said so', async () => {
  // No system asks another one for a name with so long a part.
  const unknown = addressesOf(`${'x'.repeat(64)}.invalid`, NEVER);
  await assert.rejects(unknown, { code: 'UNREACHABLE', message: /x\.invalid cannot be looked up/ });
});
