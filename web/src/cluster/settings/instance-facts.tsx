import type { Settings } from '../../../../src/api/schemas.ts';
import { Card, Fact, Facts } from '../../components/card.tsx';
import { RelativeTime } from '../../components/text.tsx';
import { formatDuration } from '../../formatting/durations.ts';
import { formatCount, formatPlural } from '../../formatting/numbers.ts';
import { localTime } from '../../live/cluster-live.ts';

const ENGINES = { raft: 'built in (Raft)', etcd: 'etcd' };
const TRANSPORTS = { lan: 'UDP multicast and TCP on the network', jms: 'a JMS broker' };

export function InstanceFacts({ settings }: { settings: Settings }) {
  const { name, hosts, clientPort, memberPort, version, node, pid, startedAt } = settings;
  return (
    <Card title="This instance">
      <Facts>
        <Fact label="Name">
          <bdi dir="auto">{name}</bdi>
        </Fact>
        <Fact label="Tracker address">
          {hosts.map((host) => (
            <code key={host} class="line">
              {host.includes(':') ? `[${host}]` : host}:{clientPort}
            </code>
          ))}
          <span class="soft">UDP and HTTP, for any BitTorrent client</span>
        </Fact>
        <Fact label="Port for members">{memberPort} (TCP)</Fact>
        <Fact label="Started">
          <RelativeTime at={localTime(startedAt)} /> <span class="faint">as process {pid}</span>
        </Fact>
        <Fact label="Version">
          {version} <span class="faint">on Node.js {node.replace(/^v/, '')}</span>
        </Fact>
      </Facts>
    </Card>
  );
}

export function ClusterFacts({ settings }: { settings: Settings }) {
  const { cluster, group, memberGroup, engine, transport, key, expect, intervalSeconds, replaceAfterSeconds, limits } =
    settings;
  return (
    <Card title="The cluster and its limits">
      <Facts>
        <Fact label="Name">
          <bdi dir="auto">{cluster}</bdi>
        </Fact>
        <Fact label="Peers ask by multicast at">{group === null ? 'nowhere: switched off' : <code>{group}</code>}</Fact>
        <Fact label="Members meet at">{memberGroup === null ? '–' : <code>{memberGroup}</code>}</Fact>
        <Fact label="Members prove a key">{key ? 'yes' : 'no: all of them are on this machine'}</Fact>
        <Fact label="Log">
          {ENGINES[engine]}, by {TRANSPORTS[transport]}
        </Fact>
        <Fact label="Founded by">{formatPlural(expect, 'instance')}</Fact>
        <Fact label="Most members">
          {formatPlural(limits.voters, 'voter')}, {formatPlural(limits.learners, 'learner')}
        </Fact>
        <Fact label="Peers announce every">
          {formatDuration(intervalSeconds * 1_000)} <span class="faint">and are forgotten after twice that</span>
        </Fact>
        <Fact label="A dead voter is replaced">
          after {formatDuration(replaceAfterSeconds * 1_000)}{' '}
          <span class="faint">({formatCount(replaceAfterSeconds)} s), when a learner has caught up</span>
        </Fact>
      </Facts>
    </Card>
  );
}
