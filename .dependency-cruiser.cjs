// Imports run one way: cli -> api -> tracker, peer -> cluster, net -> bittorrent.
const layer = (name) => `^src/${name}/`;
/** Shared by the API, the command line and the pages. */
const SCHEMAS = '^src/api/.*schemas\\.ts$';
const forbid = (from, to) => ({
  name: `${from}-does-not-import-${to.join('-')}`,
  severity: 'error',
  from: { path: layer(from) },
  to: { path: to.map(layer) },
});

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      // The pages are bundled: what they are made of is no dependency of the package.
      from: { pathNot: '^web/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev', 'unknown'] },
    },
    {
      name: 'pages-know-the-api-by-its-schemas',
      severity: 'error',
      from: { path: '^web/src/' },
      to: { path: '^(src|sim|test|bench)/', pathNot: SCHEMAS },
    },
    {
      name: 'schemas-import-zod-only',
      severity: 'error',
      from: { path: SCHEMAS },
      to: { pathNot: ['^node_modules/zod/', SCHEMAS] },
    },
    {
      name: 'programs-do-not-import-pages',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^web/' },
    },
    {
      name: 'bittorrent-does-no-io',
      severity: 'error',
      from: { path: layer('bittorrent') },
      to: { dependencyTypes: ['core', 'npm'] },
    },
    forbid('bittorrent', ['net', 'cluster', 'tracker', 'peer', 'api', 'cli']),
    forbid('net', ['cluster', 'tracker', 'peer', 'api', 'cli']),
    forbid('cluster', ['bittorrent', 'tracker', 'peer', 'api', 'cli']),
    forbid('tracker', ['peer', 'api', 'cli']),
    forbid('peer', ['tracker', 'api', 'cli']),
    forbid('api', ['cli']),
  ],
  options: {
    // swc reads TypeScript 7's syntax but for `using`, which only tests need; tests may import what they like.
    parser: 'swc',
    exclude: { path: '\\.(test|conformance)\\.ts$|/test-[^/]+\\.ts$' },
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js'] },
  },
};
