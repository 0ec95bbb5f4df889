import { randomInt } from 'node:crypto';
import { generateMemberKey } from '../member-key.ts';
import type { TestNetwork } from '../member-transport.conformance.ts';
import { describeMemberTransport } from '../member-transport.conformance.ts';
import type { MemberTransport } from '../member-transport.ts';
import { openLanTransport } from './lan-transport.ts';

async function sealedNetwork(): Promise<TestNetwork> {
  const key = generateMemberKey();
  const groupPort = randomInt(20_000, 30_000);
  const open: MemberTransport[] = [];
  return {
    async open(self, cluster, other = {}) {
      const transport = await openLanTransport({
        clusterName: other.name ?? 'conformance',
        cluster,
        self,
        host: '127.0.0.1',
        port: 0,
        groupPort,
        key: other.wrongKey ? generateMemberKey() : key,
      });
      open.push(transport);
      return transport;
    },
    async close() {
      await Promise.all(open.map((transport) => transport.close()));
    },
  };
}

describeMemberTransport('lan with a key', sealedNetwork);
