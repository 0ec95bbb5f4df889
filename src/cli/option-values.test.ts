import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidArgumentError } from 'commander';
import {
  clusterName,
  expectedInstances,
  formatGroup,
  hostAddresses,
  instanceCount,
  instanceName,
  intervalSeconds,
  logLevel,
  multicastGroup,
  port,
  positiveCount,
  trackerAddress,
} from './option-values.ts';

test('numbers are whole and in their range, written in digits', () => {
  assert.deepEqual([port('0'), port('65535'), intervalSeconds('1'), intervalSeconds('86400')], [0, 65_535, 1, 86_400]);
  assert.equal(positiveCount('9007199254740991'), Number.MAX_SAFE_INTEGER);
  for (const bad of ['', ' 1', '1 ', '-1', '+1', '1e3', '0x10', '1.0', 'x', '65536', '99999999999999999999']) {
    assert.throws(() => port(bad), {
      name: InvalidArgumentError.name,
      message: 'Give a whole number from 0 to 65535.',
    });
  }
  assert.throws(() => intervalSeconds('0'), /from 1 to 86400/);
  assert.throws(() => intervalSeconds('86401'), /from 1 to 86400/);
  assert.throws(() => positiveCount('0'), /at least 1/);
});

test('the address of a tracker is a host and a port', () => {
  assert.deepEqual(trackerAddress('127.0.0.1:6969'), { host: '127.0.0.1', port: 6969 });
  assert.deepEqual(trackerAddress('tracker.example:80'), { host: 'tracker.example', port: 80 });
  assert.deepEqual(trackerAddress('[::1]:6969'), { host: '::1', port: 6969 });
  for (const bad of ['', '6969', ':6969', '127.0.0.1', '127.0.0.1:', '127.0.0.1:0', '127.0.0.1:65536', '::1:6969']) {
    assert.throws(() => trackerAddress(bad), /Give HOST:PORT/, bad);
  }
  for (const bad of ['[::1]', '[127.0.0.1]:1', 'http://a:80', 'a/b:80', 'a@b:80', 'a b:80', '[::1]:6969/x']) {
    assert.throws(() => trackerAddress(bad), /Give HOST:PORT/, bad);
  }
});

test('hosts are addresses of interfaces, gathered without doubles', () => {
  assert.deepEqual(hostAddresses('127.0.0.1', undefined), ['127.0.0.1']);
  assert.deepEqual(hostAddresses('::1', ['192.0.2.1']), ['192.0.2.1', '::1']);
  assert.deepEqual(hostAddresses('::1', ['::1']), ['::1']);
  for (const bad of [
    '0.0.0.0',
    '::',
    '0:0:0:0:0:0:0:0',
    '::0.0.0.0',
    '::ffff:0.0.0.0',
    '::ffff:0:0',
    '239.255.77.69',
  ]) {
    assert.throws(() => hostAddresses(bad, undefined), /no address of an interface/, bad);
  }
  for (const bad of ['localhost', '127.1', '127.0.0.1:6969', '[::1]', '']) {
    assert.throws(() => hostAddresses(bad, undefined), /Give an IP address/, bad);
  }
});

test('a group is an IPv4 multicast address and a port', () => {
  assert.deepEqual(multicastGroup('239.255.77.69:6969'), { host: '239.255.77.69', port: 6969 });
  assert.equal(formatGroup(multicastGroup('224.0.0.251:1')), '224.0.0.251:1');
  for (const bad of [
    '',
    '239.255.77.69',
    '239.255.77.69:0',
    '239.255.77.69:65536',
    '192.0.2.1:6969',
    '[ff02::1]:6969',
  ]) {
    assert.throws(
      () => multicastGroup(bad),
      /Give ADDR:PORT of an IPv4 multicast group, such as 239\.255\.77\.69:6969/,
      bad,
    );
  }
});

test('as many instances run as can outvote one another', () => {
  for (const count of [1, 3, 5, 7]) assert.equal(instanceCount(String(count)), count);
  assert.throws(() => instanceCount('2'), /2 instances survive the loss of no more of them than 1 do/);
  assert.throws(() => instanceCount('6'), /Give 1, 3, 5 or 7/);
  for (const bad of ['0', '8', 'x']) assert.throws(() => instanceCount(bad), /from 1 to 7/);
  assert.equal(expectedInstances('2'), 2);
  assert.throws(() => expectedInstances('8'), /from 1 to 7/);
});

test("a cluster's name cannot lead out of the data folder", () => {
  assert.equal(clusterName('films-2.1_x'), 'films-2.1_x');
  for (const bad of ['', '.', '..', '../x', 'a/b', 'a\\b', '-a', 'a b', 'é', 'a'.repeat(64)]) {
    assert.throws(() => clusterName(bad), /A cluster's name/, bad);
  }
});

test('names are printable, levels known', () => {
  assert.equal(instanceName('the one in the café'), 'the one in the café');
  for (const bad of ['', 'a\nb', '\x1b[2J', 'a'.repeat(64)]) assert.throws(() => instanceName(bad), /printable/);
  assert.equal(logLevel('warn'), 'warn');
  assert.throws(() => logLevel('loud'), /Give one of silent, /);
});
