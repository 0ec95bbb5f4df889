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
