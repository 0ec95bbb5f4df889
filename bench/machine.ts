/** What a run was measured on. */
import { cpus, release } from 'node:os';

export interface Machine {
  cpu: string;
  cores: number;
  kernel: string;
  node: string;
}

export function describeMachine(): Machine {
  return { cpu: cpus()[0]!.model, cores: cpus().length, kernel: release(), node: process.version };
}

export function machineLine({ cpu, cores, kernel, node }: Machine): string {
  return `${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}`;
}
