// Imports run one way: cli -> api -> tracker, peer -> cluster, net -> bittorrent.
const layer = (name) => `^src/${name}/`;
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
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev', 'unknown'] },
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
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
