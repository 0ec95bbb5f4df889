import type { Cluster } from '../../../../src/api/schemas.ts';
import { addressOf } from '../../live/member-address.ts';

/** More trackers make a link that no chat takes. */
const MAX_TRACKERS = 5;

/** A magnet link (BEP 9) with the members as its trackers: any of them answers. */
export function magnetLink(
  content: { sha1: string; name: string | null },
  { members }: Pick<Cluster, 'members'>,
): string {
  const trackers = members.filter(({ alive }) => alive).map(addressOf);
  const parts = [
    `xt=urn:btih:${content.sha1}`,
    ...(content.name === null ? [] : [`dn=${encodeURIComponent(content.name.toWellFormed())}`]),
    ...trackers
      .filter((address) => address !== undefined)
      .slice(0, MAX_TRACKERS)
      .map((address) => `tr=${encodeURIComponent(`udp://${address}/announce`)}`),
  ];
  return `magnet:?${parts.join('&')}`;
}
