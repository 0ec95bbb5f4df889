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
      from: { pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev', 'unknown'] },
    },
    {
      name: 'bittorrent-does-no-io',
      severity: 'error',
      from: { path: layer('bittorrent'), pathNot: '\\.test\\.ts$' },
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
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
