import { ChildCommand } from './child-command.ts';
import { type Listening, ListeningSchema } from './listening-line.ts';

export interface InstanceProcessOptions {
  readonly name: string;
  readonly dataDir: string;
  /** Of `tracker`, but for `--port` and `--json`. */
  readonly args: readonly string[];
  readonly port: number;
  /** Told what it prints on stderr, line by line, but for its last error. */
  readonly onLog: (line: string) => void;
}

/** A `tracker` process. */
export class InstanceProcess extends ChildCommand<Listening> {
  readonly dataDir: string;

  constructor({ name, dataDir, args, port, onLog }: InstanceProcessOptions) {
    super({
      name,
      words: ['tracker', ...args],
      portOption: '--port',
      port,
      listeningSchema: ListeningSchema,
      portOf: ({ clientPort }) => clientPort,
      onLog,
    });
    this.dataDir = dataDir;
  }
}
