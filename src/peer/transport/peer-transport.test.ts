import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasBatchedCalls } from '../../net/platform.ts';
import { MemoryPeerNetwork } from './memory-peer-transport.ts';
import { peerTransportConformance } from './peer-transport.conformance.ts';
import { TcpPeerTransport } from './tcp-peer-transport.ts';

for (const host of ['127.0.0.1', '::1']) {
  peerTransportConformance(`Peers over TCP on ${host}`, () => ({
    near: new TcpPeerTransport(),
    far: new TcpPeerTransport(),
    host,
  }));
}

peerTransportConformance('Peers in memory', () => {
  const network = new MemoryPeerNetwork();
  return { near: network.transport('near'), far: network.transport('far'), host: 'far' };
});

describe('A peer over TCP', { skip: !hasBatchedCalls }, () => {
  it('has what follows the beginning of a long block where it belongs, without a copy', async (t) => {
    const transport = new TcpPeerTransport();
    const block = Buffer.alloc(8 * 1024 * 1024, 'bytes');
    const heard = Buffer.alloc(block.length);
    let [at, placed] = [0, 0];
    const listener = await transport.listen('127.0.0.1', 0, (link) => {
      t.after(() => link.close());
      link.start({
        chunk: (bytes) => {
          heard.set(bytes, at);
          at += bytes.length;
        },
        place: () => (at === 0 ? undefined : heard.subarray(at)),
        placed: (count) => {
          at += count;
          placed += count;
        },
        drained: () => {},
        closed: () => {},
      });
    });
    t.after(() => listener.close());
    const link = await transport.connect({ host: '127.0.0.1', port: listener.port });
    t.after(() => link.close());
    link.start({ chunk: () => {}, drained: () => {}, closed: () => {} });
    link.write([block]);
    while (at < block.length) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(heard.equals(block));
    // The first mebibyte is read before what it takes is loaded.
    assert.ok(placed > block.length / 2, `${placed} bytes`);
  });
});
