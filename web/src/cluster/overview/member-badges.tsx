import type { Member } from '../../../../src/api/schemas.ts';
import { Badge } from '../../components/badge.tsx';
import { differs, LAGGING_ENTRIES } from './cluster-health.ts';

export function RoleBadge({ member: { role } }: { member: Member }) {
  switch (role) {
    case 'master':
      return (
        <Badge tone="info" icon="crown">
          Master
        </Badge>
      );
    case 'candidate':
      return (
        <Badge tone="warning" icon="vote">
          Candidate
        </Badge>
      );
    case 'learner':
      return (
        <Badge icon="join" title="It gets a copy and has no vote yet">
          Learner
        </Badge>
      );
    case 'slave':
      return <Badge icon="hexagon">Slave</Badge>;
  }
}

export function StateBadge({ member, master }: { member: Member; master: Member | undefined }) {
  if (!member.alive) {
    return (
      <Badge tone="danger" icon="cross">
        Dead
      </Badge>
    );
  }
  const { lag, role } = member;
  if (master !== undefined && differs(member, master)) {
    return (
      <Badge tone="danger" icon="error">
        Diverged
      </Badge>
    );
  }
  if (role === 'learner' && lag > 0) {
    return (
      <Badge tone="info" icon="clock">
        Catching up
      </Badge>
    );
  }
  if (lag > LAGGING_ENTRIES) {
    return (
      <Badge tone="warning" icon="clock">
        Behind
      </Badge>
    );
  }
  return (
    <Badge tone="ok" icon="check">
      Alive
    </Badge>
  );
}
