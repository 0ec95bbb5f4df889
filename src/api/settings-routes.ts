import { readFileSync } from 'node:fs';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { DEFAULT_LIMITS, DEFAULT_TIMING } from '../cluster/consensus/config.ts';
import type { MulticastGroup, Tracker } from '../tracker/tracker.ts';
import { authority } from './client-address.ts';
import { joinCommand } from './join-command.ts';
import { SettingsSchema } from './schemas.ts';
import { isLocal } from './write-access.ts';

export interface SettingsRoutesOptions {
  readonly mayWrite: (request: FastifyRequest) => Promise<void>;
  readonly tokenSet: boolean;
  readonly peerPages: string | undefined;
}

export function settingsRoutes(
  tracker: Tracker,
  { mayWrite, tokenSet, peerPages }: SettingsRoutesOptions,
): FastifyPluginAsyncZod {
  const startedAt = Math.round(Date.now() - process.uptime() * 1_000);
  const version = programVersion();
  return async (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/settings',
      schema: {
        operationId: 'getSettings',
        tags: ['cluster'],
        summary: 'What this instance was started with, and how to start another that joins its cluster',
        response: { 200: SettingsSchema },
      },
      handler: async (request) => {
        const { settings, clientHosts: hosts } = tracker;
        const { name, cluster, group, expect, intervalSeconds, replaceAfterMs, hasKey: key } = settings;
        const replaceAfterSeconds = replaceAfterMs === undefined ? undefined : replaceAfterMs / 1_000;
        const join = { cluster, hosts, key, expect, group, intervalSeconds, replaceAfterSeconds };
        return {
          cluster,
          name,
          version,
          node: process.version,
          pid: process.pid,
          startedAt,
          hosts: [...hosts],
          clientPort: tracker.clientPort,
          memberPort: tracker.memberPort,
          group: formatGroup(group),
          memberGroup: formatGroup(settings.memberGroup ?? (await defaultMemberGroup())),
          engine: 'raft' as const,
          transport: 'lan' as const,
          key,
          expect,
          intervalSeconds,
          replaceAfterSeconds: replaceAfterSeconds ?? DEFAULT_TIMING.replaceAfterMs / 1_000,
          limits: { voters: DEFAULT_LIMITS.voters, learners: DEFAULT_LIMITS.learners },
          joinCommand: joinCommand({ ...join, memberGroup: settings.memberGroup }, tracker.status().members.length + 1),
          mayWrite: await mayWrite(request).then(
            () => true,
            () => false,
          ),
          tokenSet,
          peerPages: isLocal(request) ? (peerPages ?? null) : null,
        };
      },
    });
  };
}

function formatGroup(group: MulticastGroup | undefined): string | null {
  return group === undefined ? null : authority(group.host, group.port);
}

/** Loaded when it is asked for: the transport of the members is not needed on this thread otherwise. */
async function defaultMemberGroup(): Promise<MulticastGroup> {
  const lan = await import('../cluster/transport/lan/lan-transport.ts');
  return { host: lan.DEFAULT_MEMBER_GROUP, port: lan.DEFAULT_MEMBER_GROUP_PORT };
}

function programVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
