import { readdirSync, readFileSync } from 'node:fs';

/** File descriptors that a process has open. Linux only. */
export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Bytes of memory that a process has for itself alone, files it maps not counted. Linux only. */
export function residentBytes(pid: number): number {
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no memory of its own any more`);
  return Number(kib) * 1_024;
}
