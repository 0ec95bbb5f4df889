import type { Cluster, Member } from '../../../src/api/schemas.ts';

/** `192.0.2.7:6969`, `[2001:db8::1]:6969`; undefined while the member has not told its port. */
export function addressOf({ address, clientPort }: Pick<Member, 'address' | 'clientPort'>): string | undefined {
  if (address === '' || clientPort === 0) return undefined;
  return `${address.includes(':') ? `[${address}]` : address}:${clientPort}`;
}

/** Where the other members serve their pages, those that live first; not where this page came from. */
export function originsOf({ members, self }: Cluster, home: string): string[] {
  const others = members.filter((member) => `http://${addressOf(member)}` !== home);
  // The one that was asked last knows itself: it is asked again anyway.
  const sorted = others.toSorted(
    (a, b) => Number(b.alive) - Number(a.alive) || Number(a.id === self) - Number(b.id === self),
  );
  return sorted.map(addressOf).flatMap((address) => (address === undefined ? [] : [`http://${address}`]));
}
