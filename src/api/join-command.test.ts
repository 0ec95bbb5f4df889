import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JoinOptions, joinCommand } from './join-command.ts';

const LOCAL: JoinOptions = {
  cluster: 'films',
  group: { host: '239.255.77.69', port: 6969 },
  memberGroup: undefined,
  hosts: ['127.0.0.1', '::1'],
  key: false,
  expect: 3,
  replaceAfterSeconds: undefined,
  intervalSeconds: 1_800,
};

test('on this machine the command runs as it is: a free port, and a folder of its own', () => {
  assert.equal(
    joinCommand(LOCAL, 4),
    'bin/swarmkeeper tracker --cluster films --name films-4 --port 0 --data ./films-4 --group 239.255.77.69:6969 --expect 3 --interval 1800',
  );
});

test('on the network the new machine brings its address and the file with the key', () => {
  const memberGroup = { host: '239.1.2.3', port: 7000 };
  const options = { ...LOCAL, hosts: ['192.0.2.1'], key: true, expect: 1, memberGroup, replaceAfterSeconds: 30 };
  assert.equal(
    joinCommand(options, 2),
    'bin/swarmkeeper tracker --cluster films --name films-2 --host ADDRESS --key-file FILE --group 239.255.77.69:6969 --member-group 239.1.2.3:7000 --replace-after 30 --interval 1800',
  );
});
