import type { ComponentChildren } from 'preact';
import type { Member } from '../../../../src/api/schemas.ts';
import { Banner } from '../../components/banner.tsx';
import { Name } from '../../components/text.tsx';
import { formatCount } from '../../formatting/numbers.ts';
import type { ClusterHealth, Finding } from './cluster-health.ts';

/** Above every page: what is wrong with the cluster, what it means and what to do. */
export function HealthBanners({ health }: { health: ClusterHealth }) {
  return (
    <>
      {health.findings.map((finding) => (
        <FindingBanner key={finding.kind} finding={finding} health={health} />
      ))}
    </>
  );
}

function FindingBanner({ finding, health }: { finding: Finding; health: ClusterHealth }) {
  const { voters, votersAlive, quorum, maySpare } = health;
  switch (finding.kind) {
    case 'no-quorum':
      return (
        <Banner tone="danger" title="No quorum: nobody answers clients">
          {votersAlive} of {voters} voters can be heard; a master needs {quorum}. Nothing is lost: start the others
          again, and the cluster goes on.
        </Banner>
      );
    case 'election':
      return (
        <Banner tone="warning" title="No master: the slaves elect one">
          Clients are not answered meanwhile; it takes about a second.
        </Banner>
      );
    case 'diverged':
      return (
        <Banner tone="danger" title={<>{listOf(finding.members)} has another state than the master</>}>
          Stop it, remove its data folder and start it again: it gets a copy of the master's tables.
        </Banner>
      );
    case 'dead': {
      const voting = finding.members.some(({ voter }) => voter);
      return (
        <Banner tone="warning" title={<>{listOf(finding.members)} cannot be heard</>}>
          {voting && maySpare === 0 && votersAlive >= quorum
            ? 'The cluster goes on, but it cannot lose another voter. Start it again, or add an instance.'
            : 'The cluster goes on. Start it again, or add an instance.'}
        </Banner>
      );
    }
    case 'lagging':
      return (
        <Banner tone="warning" title={<>{listOf(finding.members)} is behind the master</>}>
          By up to {formatCount(Math.max(...finding.members.map(({ lag }) => lag)))} log entries. It catches up by
          itself unless its disk or network is too slow.
        </Banner>
      );
    case 'earlier-cluster':
      return (
        <Banner tone="warning" title="Another cluster of this name answers by multicast">
          It was founded earlier and is at <bdi>{finding.address}</bdi>. Give one of them another --cluster or --group.
        </Banner>
      );
  }
}

function listOf(members: readonly Member[]): ComponentChildren {
  return members.map(({ id, name }, i) => (
    <span key={id} class="inline-name">
      {i > 0 && ', '}
      <Name value={name} fallback={id.slice(0, 8)} />
    </span>
  ));
}
