import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SwarmTable, TableFullError } from './swarm-table.ts';

const LIMITS = { swarms: 64, peers4: 4096, peers6: 1024 };

const operation = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('announce' as const),
      swarm: fc.nat(3),
      peer: fc.nat(150),
      ipv6: fc.boolean(),
      seeder: fc.boolean(),
      completed: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('remove' as const, 'touch' as const, 'expire' as const),
      swarm: fc.nat(3),
      peer: fc.nat(150),
      ipv6: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), swarm: fc.nat(3) }) },
);

interface ModelSwarm {
  completed: number;
  peers: Map<string, { seeder: boolean; seen: number }>;
}

test('a table holds what a simple model holds, under any sequence of operations', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 600, size: 'max' }), (operations) => {
      const table = new SwarmTable(LIMITS);
      const model = new Map<number, ModelSwarm>();
      let now = 100;
      for (const op of operations) {
        now++;
        const words = hashOf(op.swarm);
        if (op.kind === 'forget') {
          const swarm = table.swarms.find(words, 0);
          if (swarm >= 0) table.forget(swarm);
          if (model.get(op.swarm)?.peers.size === 0) model.delete(op.swarm);
          continue;
        }
        const store = op.ipv6 ? table.peers6 : table.peers4;
        const address = addressOf(op.peer, op.ipv6);
        const key = `${op.ipv6} ${op.peer}`;
        if (op.kind === 'announce') {
          const swarm = table.open(words, 0, now);
          table.announce(swarm, store, address, 0, op.seeder, op.completed, now);
          const known = model.get(op.swarm) ?? { completed: 0, peers: new Map() };
          model.set(op.swarm, known);
          if (op.completed && op.seeder && !known.peers.get(key)?.seeder) known.completed++;
          known.peers.set(key, { seeder: op.seeder, seen: now });
          continue;
        }
        const swarm = table.swarms.find(words, 0);
        if (swarm < 0) continue;
        const peers = model.get(op.swarm)?.peers;
        const peer = peers?.get(key);
        if (op.kind === 'touch') {
          table.touch(swarm, store, address, 0, now);
          if (peer) peer.seen = now;
        } else {
          const cutoff = op.kind === 'expire' ? now - 20 : now;
          table.remove(swarm, store, address, 0, cutoff, now);
          if (peer && peer.seen <= cutoff) peers?.delete(key);
        }
      }
      assertEqual(table, model);
      assert.equal(table.stateHash, rebuilt(model).stateHash, 'the hash depends on the way to the state');
    }),
    { numRuns: 150 },
  );
});

test('the state hash differs where a seeder, a time, a count or a name differs', () => {
  const base = { completed: 1, peers: new Map([['false 1', { seeder: true, seen: 5 }]]) };
  const hashes = [
    rebuilt(new Map([[0, base]])),
    rebuilt(new Map([[1, base]])),
    rebuilt(new Map([[0, { ...base, completed: 2 }]])),
    rebuilt(new Map([[0, { ...base, peers: new Map([['false 1', { seeder: false, seen: 5 }]]) }]])),
    rebuilt(new Map([[0, { ...base, peers: new Map([['false 1', { seeder: true, seen: 6 }]]) }]])),
    rebuilt(new Map([[0, { ...base, peers: new Map([['true 1', { seeder: true, seen: 5 }]]) }]])),
  ];
  const named = rebuilt(new Map([[0, base]]));
  named.setName(0, 7);
  const distinct = new Set([...hashes, named].map((table) => table.stateHash));
  assert.equal(distinct.size, hashes.length + 1);
});

test('a swarm of many thousands keeps each peer findable while it grows and shrinks', () => {
  const table = new SwarmTable({ swarms: 4, peers4: 20_000, peers6: 16 });
  const swarm = table.open(hashOf(0), 0, 1);
  const count = 20_000;
  for (let peer = 0; peer < count; peer++) {
    table.announce(swarm, table.peers4, addressOf(peer, false), 0, peer % 3 === 0, false, 1);
  }
  assert.equal(table.peers, count);
  assert.equal(table.seedersOf(swarm), Math.ceil(count / 3));
  for (let peer = 0; peer < count; peer++) {
    const slot = table.peers4.find(swarm, addressOf(peer, false), 0);
    assert.equal(table.peers4.isSeeder(swarm, slot), peer % 3 === 0);
  }
  for (let peer = 0; peer < count - 16; peer++) {
    table.remove(swarm, table.peers4, addressOf(peer, false), 0, 1, 2);
    assert.equal(table.peers4.find(swarm, addressOf(peer, false), 0), -1);
  }
  for (let peer = count - 16; peer < count; peer++) {
    assert.ok(table.peers4.find(swarm, addressOf(peer, false), 0) >= 0);
  }
});

test('a table that is full says so instead of losing a peer', () => {
  const table = new SwarmTable({ swarms: 2, peers4: 2, peers6: 2 });
  table.open(hashOf(0), 0, 1);
  table.open(hashOf(1), 0, 1);
  assert.throws(() => table.open(hashOf(2), 0, 1), TableFullError);
  assert.throws(() => {
    for (let peer = 0; peer < 100; peer++) {
      table.announce(0, table.peers4, addressOf(peer, false), 0, false, false, 1);
    }
  }, TableFullError);
});

function assertEqual(table: SwarmTable, model: Map<number, ModelSwarm>): void {
  assert.equal(table.swarms.size, model.size);
  for (const [key, { completed, peers }] of model) {
    const swarm = table.swarms.find(hashOf(key), 0);
    assert.equal(table.completedOf(swarm), completed);
    assert.equal(table.seedersOf(swarm), [...peers.values()].filter((peer) => peer.seeder).length);
    assert.equal(table.seedersOf(swarm) + table.leechersOf(swarm), peers.size);
    for (const [name, { seeder, seen }] of peers) {
      const { store, address } = parse(name, table);
      const slot = store.find(swarm, address, 0);
      assert.ok(slot >= 0);
      assert.equal(store.isSeeder(swarm, slot), seeder);
      assert.equal(store.seen[store.startOf(swarm) + slot], seen);
    }
  }
  const total = [...model.values()].reduce((sum, { peers }) => sum + peers.size, 0);
  assert.equal(table.peers, total);
}

function rebuilt(model: Map<number, ModelSwarm>): SwarmTable {
  const table = new SwarmTable(LIMITS);
  for (const [key, { completed, peers }] of model) {
    const swarm = table.open(hashOf(key), 0, 1);
    for (const [name, { seeder, seen }] of peers) {
      const { store, address } = parse(name, table);
      table.announce(swarm, store, address, 0, seeder, false, seen);
    }
    table.setCompleted(swarm, completed);
  }
  return table;
}

function parse(name: string, table: SwarmTable) {
  const [ipv6, peer] = name.split(' ');
  const isIpv6 = ipv6 === 'true';
  return { store: isIpv6 ? table.peers6 : table.peers4, address: addressOf(Number(peer), isIpv6) };
}

function hashOf(key: number): Int32Array {
  return Int32Array.of(key, 0, 0, 0, key);
}

function addressOf(peer: number, ipv6: boolean): Uint16Array {
  const words = new Uint16Array(ipv6 ? 9 : 3);
  words[0] = peer & 7;
  words[words.length - 1] = peer >> 3;
  return words;
}
