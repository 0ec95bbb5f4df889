import { z } from 'zod';
import { ChildCommand } from './child-command.ts';

/** The line that tells programs that a peer is ready, and where. */
export const PeerListeningSchema = z.object({
  event: z.literal('listening'),
  /** Of its pages. */
  url: z.string(),
  apiPort: z.int(),
  /** For other peers. */
  port: z.int(),
  pid: z.int(),
  data: z.string(),
  downloads: z.string(),
  uploads: z.string(),
});
export type PeerListening = z.infer<typeof PeerListeningSchema>;

export interface PeerProcessOptions {
  /** Of `peer`, but for `--api-port` and `--json`. */
  readonly args: readonly string[];
  /** Of its pages; 0 takes a free one. */
  readonly apiPort: number;
  /** Told what it prints on stderr, line by line, but for its last error. */
  readonly onLog: (line: string) => void;
}

/** A `peer` process. */
export class PeerProcess extends ChildCommand<PeerListening> {
  constructor({ args, apiPort, onLog }: PeerProcessOptions) {
    super({
      name: 'the peer',
      words: ['peer', ...args],
      portOption: '--api-port',
      port: apiPort,
      listeningSchema: PeerListeningSchema,
      portOf: (listening) => listening.apiPort,
      onLog,
    });
  }
}
