/**
 * The address of a worker's entry file: TypeScript in a checkout, JavaScript in a built package.
 * @param base path without extension, relative to the caller: `./log-thread`
 * @param callerUrl the caller's `import.meta.url`
 */
export function workerUrl(base: string, callerUrl: string): URL {
  const extension = callerUrl.endsWith('.ts') ? '.ts' : '.js';
  return new URL(base + extension, callerUrl);
}
