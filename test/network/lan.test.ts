import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { waitFor } from '../harness/wait-for.ts';
import { CLIENT, Lan, missingForLan } from './lan.ts';
import type { PathCounts } from './switch.ts';

const FEW = 20;
const MANY = 1_000;
const BURST = 100;
const LARGEST_DATAGRAM = 1_472;
const STREAM_BYTES = 4 << 20;

describe('the network of the tests', { skip: missingForLan() }, () => {
  test('every host reaches every other, with datagrams up to the MTU', async () => {
    await using lan = await Lan.open(['a', 'b']);
    for (const from of ['a', 'b', CLIENT]) {
      for (const to of ['a', 'b', CLIENT]) {
        if (from === to) continue;
        await meet(lan, from, to);
        assert.equal((await sendSome(lan, from, to, FEW, LARGEST_DATAGRAM)).received, FEW, `${from} to ${to}`);
      }
    }
  });

  test('a path is blocked one way, and open again', async () => {
    await using lan = await Lan.open(['a', 'b']);
    await meet(lan, 'a', 'b');
    await meet(lan, 'a', CLIENT);
    await lan.set(['a'], ['b'], { block: 'everything' });
    assert.deepEqual(await sendSome(lan, 'a', 'b', FEW), { received: 0, blocked: FEW, lost: 0, duplicated: 0 });
    assert.equal((await sendSome(lan, 'b', 'a', FEW)).received, FEW);
    assert.equal((await sendSome(lan, 'a', CLIENT, FEW)).received, FEW);
    await lan.heal();
    assert.equal((await sendSome(lan, 'a', 'b', FEW)).received, FEW);
  });

  test('groups are blocked while all else passes', async () => {
    await using lan = await Lan.open(['a']);
    await meet(lan, CLIENT, 'a');
    const group = '239.255.77.1';
    const heard: string[] = [];
    const listener = await lan.socket('a', group);
    listener.addMembership(group, lan.host('a').address);
    listener.on('message', (datagram) => heard.push(datagram.toString()));
    const sender = await lan.socket(CLIENT);
    const { port } = listener.address();
    const say = async (what: string) => {
      const before = await countsOf(lan, CLIENT, 'a');
      sender.send(what, port, group);
      await waitFor('the switch to have it', async () => total(await countsOf(lan, CLIENT, 'a')) > total(before));
    };
    await lan.among(['a', CLIENT], { block: 'groups' });
    await say('not heard');
    assert.equal((await sendSome(lan, CLIENT, 'a', FEW)).received, FEW);
    await lan.heal();
    await say('heard');
    await waitFor('the group to be heard', () => heard.length > 0);
    assert.deepEqual(heard, ['heard']);
    sender.close();
    listener.close();
  });

  test('as many frames as it was told are lost and come twice, the same ones for the same seed', async () => {
    const outcomes: Outcome[] = [];
    for (const seed of [7, 7, 8]) {
      await using lan = await Lan.open(['a'], seed);
      await meet(lan, CLIENT, 'a');
      await lan.among(['a', CLIENT], { loss: 0.1, duplicates: 0.05 });
      outcomes.push(await sendSome(lan, CLIENT, 'a', MANY));
    }
    const [first, again, other] = outcomes;
    assert.ok(Math.abs(first.lost - MANY * 0.1) < MANY * 0.05, JSON.stringify(first));
    assert.ok(Math.abs(first.duplicated - MANY * 0.05) < MANY * 0.03, JSON.stringify(first));
    assert.equal(first.received, MANY - first.lost + first.duplicated);
    assert.deepEqual(first, again);
    assert.notDeepEqual(first, other);
  });

  test('a stream arrives as it was sent, also where frames are lost, come twice and overtake each other', async () => {
    await using lan = await Lan.open(['a']);
    for (const path of [{}, { loss: 0.02, duplicates: 0.02, delayMs: 0.1, jitterMs: 1 }]) {
      await lan.among(['a', CLIENT], path);
      await assertStream(lan);
    }
    const counts = await countsOf(lan, CLIENT, 'a');
    assert.ok(counts.lost > 0 && counts.duplicated > 0 && counts.overtaken > 0, JSON.stringify(counts));
  });
});

/** Until a datagram has come: both know each other's address then, and only what the test sends is on the way. */
async function meet(lan: Lan, from: string, to: string): Promise<void> {
  const [sender, receiver] = [await lan.socket(from), await lan.socket(to)];
  let [sent, received] = [0, 0];
  receiver.on('message', () => received++);
  await waitFor(`${from} to reach ${to}`, () => {
    if (received === 0) sender.send('hello', receiver.address().port, lan.host(to).address, () => sent++);
    return received > 0 && received === sent;
  });
  sender.close();
  receiver.close();
}

type Outcome = Pick<PathCounts, 'blocked' | 'lost' | 'duplicated'> & { readonly received: number };

/** Sends datagrams, and tells what became of them. */
async function sendSome(lan: Lan, from: string, to: string, count: number, bytes = 8): Promise<Outcome> {
  const [sender, receiver] = [await lan.socket(from), await lan.socket(to)];
  let received = 0;
  receiver.on('message', (datagram) => {
    received += datagram.length === bytes ? 1 : Number.NaN;
  });
  const before = await countsOf(lan, from, to);
  let after = before;
  for (let sent = 0; sent < count; ) {
    // A few at a time: the receiver's buffer is small.
    for (const end = Math.min(count, sent + BURST); sent < end; sent++) {
      sender.send(randomBytes(bytes), receiver.address().port, lan.host(to).address);
    }
    after = await waitFor('the switch to have them', async () => {
      const counts = await countsOf(lan, from, to);
      return total(counts) >= total(before) + sent ? counts : undefined;
    });
  }
  const [forwarded, blocked, lost, duplicated] = (['forwarded', 'blocked', 'lost', 'duplicated'] as const).map(
    (what) => after[what] - before[what],
  );
  await waitFor('all that was forwarded', () => received >= forwarded + duplicated);
  sender.close();
  receiver.close();
  return { received, blocked, lost, duplicated };
}

async function countsOf(lan: Lan, from: string, to: string): Promise<PathCounts> {
  return (await lan.counts()).find((counts) => counts.from === from && counts.to === to)!;
}

function total({ forwarded, blocked, lost }: PathCounts): number {
  return forwarded + blocked + lost;
}

/** Host `a` sends back what it gets. */
async function assertStream(lan: Lan): Promise<void> {
  const echo = `
    const server = require('node:net').createServer((socket) => socket.pipe(socket));
    server.listen(0, '${lan.host('a').address}', () => console.log(JSON.stringify({ port: server.address().port })));`;
  await using server = lan.run('a', process.execPath, ['-e', echo]);
  const { port } = await server.until('it listens', () => server.jsonLines[0] as { port: number } | undefined);
  const sent = randomBytes(STREAM_BYTES);
  const socket = connect(port, lan.host('a').address);
  await once(socket, 'connect');
  socket.end(sent);
  assert.ok(sent.equals(Buffer.concat(await socket.toArray())));
}
