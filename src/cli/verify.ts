/** `fastverify --src A --dst B`: compare what is in use, say what differs, repair it if asked. */

import type { Argv, InferredOptionTypes, Options } from 'yargs';
import {
  checkManifest,
  type OnlineVerifyOptions,
  stateDirectory,
  verifyOnline,
  cannotRepairThere,
  verifyPair,
  type VerifyReport,
} from '../sync/index.js';
import { resolveRefusals } from './confirm.js';
import { cellBytesFrom, manifestOptions, manifestTask } from './manifest-options.js';
import {
  ioOptionsFrom,
  identification,
  identificationOptions,
  outputOptions,
  overridesFrom,
  overrideOptions,
  speedOptions,
} from './options.js';
import { remoteFrom, remoteOptions } from './remote-options.js';
import { checkOverwritable, writePieces } from './print.js';
import { type Context, type Outcome, runCommand, withFile } from './run.js';
import { parseDuration, parseFreeze, parseSize, usage } from './values.js';
import { compareManifestsCommand, writeManifestCommand } from './verify-manifest.js';
import { resultMap } from './verify-map.js';
import { asksForPairs, pairsOptions, runPairs } from './verify-pairs.js';
import { describeVerification } from './verify-summary.js';

const volumeOptions = {
  src: {
    type: 'string',
    group: 'Volumes:',
    describe: 'The volume that is right: a block device or an image file',
  },
  dst: {
    type: 'string',
    group: 'Volumes:',
    describe: 'Its replica',
  },
} as const satisfies Record<string, Options>;

const scopeOptions = {
  free: {
    choices: ['ignore', 'verify'],
    default: 'ignore',
    group: 'What is compared:',
    describe: "The source's unused ranges: leave them out, or compare them too",
  },
  start: {
    type: 'string',
    group: 'What is compared:',
    describe: 'From this byte of the volume: 10G',
  },
  stop: {
    type: 'string',
    group: 'What is compared:',
    describe: 'Up to this byte, itself not included',
  },
} as const satisfies Record<string, Options>;

const resultOptions = {
  repair: {
    type: 'boolean',
    default: false,
    group: 'What becomes of differences:',
    describe: 'Copy the ranges that differ from the source, and compare them again',
  },
  'ddrescue-map': {
    type: 'string',
    group: 'What becomes of differences:',
    describe: 'Write a ddrescue mapfile: + equal, - different, * not proven, ? not compared',
  },
} as const satisfies Record<string, Options>;

const inUseOptions = {
  online: {
    type: 'boolean',
    default: false,
    group: 'Volumes in use:',
    describe:
      'The source is mounted: follow the writes of both sides, and prove again what they touch',
  },
  settle: {
    type: 'string',
    default: '15s',
    group: 'Volumes in use:',
    describe: 'How long a replica may take to follow before a difference is one',
  },
  'max-freeze': {
    type: 'string',
    default: '5s',
    group: 'Volumes in use:',
    describe: 'The longest that writers may wait while the map is read; a watchdog sees to it',
  },
} as const satisfies Record<string, Options>;

const timeOptions = {
  'max-time': {
    type: 'string',
    group: 'Long runs:',
    describe: 'Stop in good order after so long (90m, 2h), and go on there next time',
  },
  resume: {
    type: 'boolean',
    default: true,
    group: 'Long runs:',
    describe: 'Go on where an earlier run stopped; --no-resume starts over',
  },
  'state-dir': {
    type: 'string',
    group: 'Long runs:',
    describe: 'Where the age of every proof is kept [default: /var/lib/fastsync]',
  },
} as const satisfies Record<string, Options>;

const verifyOptions = {
  ...volumeOptions,
  ...pairsOptions,
  ...scopeOptions,
  ...identificationOptions,
  ...resultOptions,
  ...manifestOptions,
  ...inUseOptions,
  ...timeOptions,
  ...remoteOptions,
  ...speedOptions,
  ...overrideOptions,
} as const satisfies Record<string, Options>;

/** Adds the command to the command line: it is the program's only one. */
export function addVerifyCommand(yargs: Argv): Argv {
  return yargs.command(
    '$0 [pairs..]',
    'Prove that a replica is right: compare what the source uses, both sides read at once',
    (command) =>
      command
        .positional('pairs', {
          type: 'string',
          array: true,
          describe: 'Pairs of the configuration, by their names',
        })
        .options(verifyOptions)
        .alias('yes', 'y')
        .options(outputOptions)
        .example('$0 --src /dev/sda2 --dst /dev/sdb2', 'Exit code 0: equal. 1: different')
        .example('$0 --src a --dst b --repair', 'Copy what differs, and compare it again')
        .example('$0 --src /dev/sda2 --dst /dev/sdb2 --online', 'While the source is mounted')
        .example('$0 --src a --write-manifest F', 'Digest what is used, for later')
        .example('$0 --src a --manifest F', 'Verify it without another copy')
        .example('$0 --src a --dst b --max-time 2h', 'A part every night; says how old proofs are')
        .example('$0 --all', 'Every pair of the configuration: for cron'),
    (args) =>
      asksForPairs(args)
        ? runPairs(args, { ...verifyOptions, ...outputOptions })
        : runCommand('verify', args, (context) => context.stalls.bound(runVerify(args, context))),
  );
}

type VerifyArguments = InferredOptionTypes<typeof verifyOptions>;

async function runVerify(args: VerifyArguments, context: Context): Promise<Outcome> {
  const mapFile = args['ddrescue-map'];
  // Looked at also where they are not used: a slip of the pen must not wait for the day they are.
  const lagToleranceMs = parseDuration('settle', args.settle);
  const maxFreezeMs = parseFreeze(args['max-freeze']);
  const ioOptions = ioOptionsFrom(args);
  const remote = remoteFrom(args, args);
  // Across hosts digests are what is compared: there it has another use.
  const task = manifestTask(remote === undefined ? args : { ...args, algorithm: undefined });
  if (task?.kind === 'compare') {
    return compareManifestsCommand(task.manifest, task.against, context);
  }
  const scope = {
    map: await identification(args),
    logDevice: args['log-device'],
    free: args.free,
    startBytes: args.start === undefined ? 0 : parseSize('start', args.start),
    stopBytes: args.stop === undefined ? null : parseSize('stop', args.stop),
    repair: args.repair,
    overrides: overridesFrom(args),
    signal: context.signal,
  };
  if (task?.kind === 'write') {
    const { volume, file } = task;
    const kind = {
      algorithm: args.algorithm ?? 'xxh3-128',
      cellBytes: cellBytesFrom(args),
    } as const;
    return writeManifestCommand({ ...scope, ...kind, volume, file, ioOptions }, context);
  }
  const options = {
    ioOptions,
    resume: args.resume,
    maxMs: args['max-time'] === undefined ? null : parseDuration('max-time', args['max-time']),
    stateDirectory: stateDirectory(args['state-dir']),
    resolveRefusals,
  };
  if (mapFile !== undefined) await checkOverwritable(mapFile, '# Mapfile.');
  if (remote !== undefined && args.repair) throw cannotRepairThere(remote.address);
  const pairs = (): Promise<VerifyReport> => {
    const request = { ...scope, ...pairOf(args), remote };
    return args.online
      ? verifyOnline(request, options, onlineFrom(args, { lagToleranceMs, maxFreezeMs }), context)
      : verifyPair(request, options, context);
  };
  const report =
    task === null
      ? await pairs()
      : await checkManifest(
          {
            ...scope,
            ...task,
            engine: args.engine ?? 'native',
            root: args.root,
            lagToleranceMs: args.online ? lagToleranceMs : null,
          },
          options,
          context,
        );
  const outcome = describeVerification(report, context.reporter);
  if (mapFile === undefined) return outcome;
  return withFile(outcome, context.reporter, () => writePieces(mapFile, resultMap(report)));
}

/** The options of volumes in use. Throws a usage error where they contradict others. */
function onlineFrom(
  args: VerifyArguments,
  times: Pick<OnlineVerifyOptions, 'lagToleranceMs' | 'maxFreezeMs'>,
): OnlineVerifyOptions {
  if (args.repair) {
    throw usage(
      '--repair cannot mend a replica of a source in use: "fastsync init --online --compare" can',
    );
  }
  return { ...times, mustNotFreeze: [stateDirectory(args['state-dir'])] };
}

function pairOf({ src, dst }: VerifyArguments): { source: string; target: string } {
  if (src !== undefined && dst !== undefined) return { source: src, target: dst };
  if (src !== undefined) throw usage('name the replica with --dst');
  throw usage('name the volume with --src, or the pairs of a configuration, or --all');
}
