/**
 * The floors: what may import what. `npm run lint` fails on an import that goes up, or sideways between
 * two parts of one floor, or round in a circle. Imports of types alone count.
 */

/**
 * Lowest floor first. A module imports from its own part and from the floors below. The parts of one
 * floor do not know each other. A part is a folder, or the modules that are listed.
 */
const floors = [
  {
    'parsers/common': [
      'fsparsers/badblocks.ts',
      'fsparsers/bitmap.ts',
      'fsparsers/checksum.ts',
      'fsparsers/crosscheck.ts',
      'fsparsers/errors.ts',
      'fsparsers/extents.ts',
      'fsparsers/gather.ts',
      'fsparsers/layer.ts',
      'fsparsers/layout.ts',
      'fsparsers/mapbuilder.ts',
      'fsparsers/numberset.ts',
      'fsparsers/parser.ts',
      'fsparsers/rangetable.ts',
      'fsparsers/reader.ts',
      'fsparsers/reason.ts',
      'fsparsers/usedmap.ts',
    ],
  },
  {
    ext: 'fsparsers/ext/',
    xfs: 'fsparsers/xfs/',
    ntfs: 'fsparsers/ntfs/',
    disk: 'fsparsers/disk/',
  },
  { signatures: 'fsparsers/signatures/' },
  {
    parsers: [
      'fsparsers/content.ts',
      'fsparsers/freeze-traces.ts',
      'fsparsers/index.ts',
      'fsparsers/probe.ts',
      'fsparsers/swappages.ts',
      'fsparsers/union.ts',
      'fsparsers/whole.ts',
    ],
  },
  {
    helpers: [
      'src/descriptors.ts',
      'src/directories.ts',
      'src/errors.ts',
      'src/failure.ts',
      'src/in-flight.ts',
      'src/own-file.ts',
      'src/package-root.ts',
      'src/quantities.ts',
      'src/reach.ts',
      'src/replace-file.ts',
      'src/shell-word.ts',
      'src/system-errors.ts',
      'src/version.ts',
      'src/within.ts',
    ],
  },
  { region: 'src/region/' },
  { engine: 'src/engine/' },
  { protocol: 'src/protocol/' },
  {
    'volume/common': [
      'src/volume/errors.ts',
      'src/volume/identity.ts',
      'src/volume/node.ts',
      'src/volume/usage.ts',
      'src/volume/volume.ts',
    ],
  },
  { 'volume/host': 'src/volume/host/' },
  { 'volume/local': 'src/volume/local/' },
  { 'volume/freeze': 'src/volume/freeze/', 'volume/remote': 'src/volume/remote/' },
  { volume: ['src/volume/index.ts', 'src/volume/refusals.ts'] },
  { 'tracker/common': ['src/tracker/granularity.ts', 'src/tracker/types.ts'] },
  { 'tracker/bpf': 'src/tracker/bpf/' },
  { tracker: 'src/tracker/index.ts' },
  {
    manifest: 'src/manifest/',
    history: 'src/history/',
    config: 'src/config/',
  },
  { report: 'src/report/' },
  { 'sync/target-header': 'src/sync/target-header/' },
  {
    'sync/common': [
      'src/sync/far-target.ts',
      'src/sync/holds-data.ts',
      'src/sync/likeness.ts',
      'src/sync/map-source.ts',
      'src/sync/other-hosts.ts',
      'src/sync/plan.ts',
      'src/sync/preflight.ts',
      'src/sync/sector-size.ts',
      'src/sync/shared-storage.ts',
      'src/sync/stall-watch.ts',
      'src/sync/state-file.ts',
      'src/sync/stray-signatures.ts',
      'src/sync/target.ts',
      'src/sync/target-contents.ts',
      'src/sync/targets.ts',
      'src/sync/unfinished-targets.ts',
      'src/sync/nonfatal.ts',
      'src/sync/watch-job.ts',
      'src/sync/work-list.ts',
    ],
  },
  { 'sync/consistency': 'src/sync/consistency/' },
  {
    'sync/seed': 'src/sync/seed/',
    'sync/verify': 'src/sync/verify/',
    'sync/live': 'src/sync/live/',
  },
  { 'sync/manifest': 'src/sync/manifest/' },
  { sync: 'src/sync/index.ts' },
  {
    agent: 'src/agent/',
    check: 'src/check/',
    schedule: 'src/schedule/',
  },
  { cli: 'src/cli/' },
  { bin: 'bin/' },
  {
    packaging: 'packaging/',
    fixtures: 'fixtures/',
  },
  { test: 'test/' },
  { bench: 'bench/' },
];

/**
 * Imports that still go against the floors: from, to. Remove them, never add one: lint also fails on an
 * exception that is no longer needed.
 */
const exceptions = [];

const patternOf = (path) => `^${path.replaceAll('.', '\\.')}${path.endsWith('/') ? '' : '$'}`;
const patternsOf = (paths) => [paths].flat().map(patternOf);
const patternsOfFloor = (floor) => Object.values(floor).flatMap(patternsOf);
const isWithin = (paths) => (module) =>
  patternsOf(paths).some((pattern) => new RegExp(pattern).test(module));

/** A rule for a part as a whole, and one for each of its modules that has exceptions. */
function rulesOf(part, paths, below) {
  const excepted = exceptions.filter(([from]) => isWithin(paths)(from));
  const ruleFor = (from, exempt) => ({
    name: part,
    comment: `${part} may import only from itself and from the floors below it.`,
    severity: 'error',
    from,
    to: {
      path: '.',
      dependencyTypes: ['local'],
      pathNot: [...patternsOf(paths), ...below, ...exempt],
    },
  });
  const fromExcepted = [...new Set(excepted.map(([from]) => from))];
  return [
    ruleFor({ path: patternsOf(paths), pathNot: patternsOf(fromExcepted) }, []),
    ...fromExcepted.map((module) => {
      const exempt = excepted.filter(([from]) => from === module).map(([, to]) => patternOf(to));
      return ruleFor({ path: patternOf(module) }, exempt);
    }),
  ];
}

const everything = floors.flatMap(patternsOfFloor);
const floorRules = floors.flatMap((floor, index) => {
  const below = floors.slice(0, index).flatMap(patternsOfFloor);
  return Object.entries(floor).flatMap(([part, paths]) => rulesOf(part, paths, below));
});

export default {
  required: exceptions.map(([from, to]) => ({
    name: 'no exception that is not needed',
    comment: `Remove the exception of ${from} for ${to} from .dependency-cruiser.js.`,
    severity: 'error',
    module: { path: patternOf(from) },
    to: { path: patternOf(to) },
  })),
  forbidden: [
    ...floorRules,
    {
      name: 'a floor for every module',
      comment: 'The table of floors in .dependency-cruiser.js does not name this module.',
      severity: 'error',
      from: { pathNot: everything },
      to: {},
    },
    {
      name: 'pure parsers',
      comment: 'fsparsers/ reads no files, starts no processes and knows no native code.',
      severity: 'error',
      from: { path: '^fsparsers/' },
      to: { pathNot: '^fsparsers/' },
    },
    {
      name: 'no circles',
      comment: 'These modules import each other in a circle.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    // Imports of types alone count, too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
