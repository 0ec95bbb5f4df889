import {
  Genesis,
  type GenesisEffect,
  type GenesisEvent,
  type GenesisStored,
  genesisMembership,
  NO_GENESIS,
} from '../consensus/genesis.ts';
import type { ClusterId, MemberId } from '../consensus/identity.ts';
import { NO_MEMBERS } from '../consensus/membership.ts';
import type { MemberTransport } from '../transport/member-transport.ts';
import { newClusterId } from './cluster-uuid.ts';
import type { DiskContent } from './disk-messages.ts';
import { decodeGenesisMessage, encodeGenesisMessage } from './genesis-codec.ts';
import { KIND_GENESIS } from './message-kinds.ts';
import type { RaftDisk } from './raft-disk.ts';
import { formatMembership } from './stored-entry.ts';

/** What `log.db` says of the founding. */
interface StoredFounding {
  readonly genesis: GenesisStored;
  /** The cluster that this disk belongs to, founded or joined; null: none yet. */
  readonly cluster: ClusterId | null;
}

export interface FoundingOptions {
  readonly disk: RaftDisk;
  readonly transport: MemberTransport;
  readonly expect: number;
  readonly now: () => number;
  /** The disk belongs to a cluster now, whose log begins with that membership (as `formatMembership` writes it). */
  readonly onCluster: (cluster: ClusterId, membership: string) => void;
  /** The founder whose record this member endorsed is gone: the disk has a new identity, the instance must start again. */
  readonly onRenewed: () => void;
}

/**
 * How an instance comes to its cluster: it founds one with others, or finds one that exists. It goes on answering the other
 * founders afterwards, who may not have heard of it.
 */
export class Founding {
  readonly #options: FoundingOptions;
  readonly #genesis: Genesis;
  #cluster: ClusterId | null;

  constructor(options: FoundingOptions) {
    this.#options = options;
    const { genesis, cluster } = readFounding(options.disk.content);
    this.#cluster = cluster;
    this.#genesis = new Genesis({
      self: options.transport.self.member,
      stored: genesis,
      expect: options.expect,
      now: options.now(),
      newCluster: () => newClusterId(),
    });
  }

  /** Looks around; called every few ms. */
  tick(): void {
    if (this.#cluster !== null) return;
    for (const { cluster, incarnation } of this.#options.transport.peers()) {
      this.#step(cluster === null ? { type: 'unformed', member: incarnation.member } : { type: 'cluster', cluster });
    }
    this.#step({ type: 'tick' });
  }

  /** @throws {MalformedError} */
  message(from: MemberId, body: Uint8Array): void {
    const message = decodeGenesisMessage(body);
    if (message.from === from) this.#step({ type: 'message', message });
  }

  #step(event: GenesisEvent): void {
    for (const effect of this.#genesis.step(event, this.#options.now())) this.#perform(effect);
  }

  #perform(effect: GenesisEffect): void {
    const { disk, transport, onRenewed } = this.#options;
    switch (effect.type) {
      case 'send':
        transport.send(effect.message.to, KIND_GENESIS, encodeGenesisMessage(effect.message));
        return;
      case 'persist':
        this.#save({ genesis: effect.stored, cluster: null }, undefined, () => this.#step({ type: 'persisted' }));
        return;
      case 'formed':
        this.#belong(effect.record.cluster, formatMembership(genesisMembership(effect.record)), {
          attempt: effect.record.attempt,
          endorsed: effect.record,
          formed: true,
        });
        return;
      case 'join':
        this.#belong(effect.cluster, formatMembership(NO_MEMBERS), NO_GENESIS);
        return;
      case 'renew':
        disk.request({ type: 'renew' }, onRenewed);
        return;
    }
  }

  #belong(cluster: ClusterId, membership: string, genesis: GenesisStored): void {
    this.#cluster = cluster;
    this.#save({ genesis, cluster }, membership, () => this.#options.onCluster(cluster, membership));
  }

  #save(founding: StoredFounding, membership: string | undefined, then: () => void): void {
    const cluster =
      membership === undefined || founding.cluster === null ? undefined : { uuid: founding.cluster, membership };
    this.#options.disk.request({ type: 'genesis', genesis: JSON.stringify(founding), cluster }, then);
  }
}

/** The cluster that a disk belongs to and the membership that its log begins with; null: none yet. */
export function ownCluster(content: DiskContent): { cluster: ClusterId; membership: string } | null {
  const { genesis, cluster } = readFounding(content);
  if (cluster !== null) return { cluster, membership: content.base.membership };
  // It formed the cluster and stopped before the disk belonged to it.
  const { endorsed, formed } = genesis;
  return formed ? { cluster: endorsed!.cluster, membership: formatMembership(genesisMembership(endorsed!)) } : null;
}

function readFounding({ genesis }: DiskContent): StoredFounding {
  return genesis === '' ? { genesis: NO_GENESIS, cluster: null } : (JSON.parse(genesis) as StoredFounding);
}
