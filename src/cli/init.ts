/** `fastsync init`: seed targets from a source. */

import type { Argv, InferredOptionTypes, Options } from 'yargs';
import { ddrescueMap } from '../region/formats/index.js';
import {
  isRetry,
  type PreparedSeed,
  prepareSeed,
  previewOnlineSeed,
  seed,
  type SeedOptions,
  stateDirectory,
} from '../sync/index.js';
import type { Refusal } from '../volume/index.js';
import { resolveRefusals } from './confirm.js';
import { initOnline, onlineFrom, onlineOptions } from './init-online.js';
import { describePlan, describeSeed } from './init-summary.js';
import {
  ioOptionsFrom,
  identification,
  identificationOptions,
  outputOptions,
  overridesFrom,
  overrideOptions,
  speedOptions,
} from './options.js';
import { refuseRemote } from './remote-options.js';
import { checkOverwritable, writePieces } from './print.js';
import { type Context, type Outcome, runCommand, withFile } from './run.js';
import { checkCount, usage } from './values.js';

const volumeOptions = {
  src: {
    type: 'string',
    demandOption: true,
    group: 'Volumes:',
    describe: 'The volume to copy from: a block device or an image file',
  },
  dst: {
    type: 'string',
    array: true,
    demandOption: true,
    group: 'Volumes:',
    describe: 'Where to; may be given several times, the source is read once',
  },
} as const satisfies Record<string, Options>;

const copyOptions = {
  free: {
    choices: ['skip', 'discard', 'zero'],
    default: 'skip',
    group: 'What is written:',
    describe: "The target's unused ranges: leave them, discard them, or make them read as zeroes",
  },
  compare: {
    type: 'boolean',
    default: false,
    group: 'What is written:',
    describe: 'Read the target first and write only what differs',
  },
  verify: {
    type: 'boolean',
    default: false,
    group: 'What is written:',
    describe: 'Read back what was written, past the cache',
  },
  rescue: {
    type: 'boolean',
    default: false,
    group: 'What is written:',
    describe:
      'Go on after unreadable sectors, retry them smaller, leave zeroes and list them (exit 3)',
  },
  'rescue-map': {
    type: 'string',
    group: 'What is written:',
    describe: 'With --rescue: write what could not be read as a ddrescue mapfile',
  },
} as const satisfies Record<string, Options>;

const dayMs = 24 * 60 * 60 * 1000;

const resumeOptions = {
  resume: {
    type: 'boolean',
    default: true,
    group: 'Interrupted runs:',
    describe: 'Go on where an earlier run stopped; --no-resume starts over',
  },
  'checkpoint-interval': {
    type: 'number',
    default: 5000,
    group: 'Interrupted runs:',
    describe: 'Milliseconds between two flushes of the target',
  },
  'state-dir': {
    type: 'string',
    group: 'Interrupted runs:',
    describe: 'Where checkpoints are kept [default: /var/lib/fastsync]',
  },
} as const satisfies Record<string, Options>;

const safetyOptions = {
  'dry-run': {
    type: 'boolean',
    default: false,
    group: 'Safety:',
    describe: 'Print the plan and what would be refused, write nothing',
  },
  dirty: {
    choices: ['refuse', 'copy-all'],
    default: 'refuse',
    group: 'Safety:',
    describe: 'A source whose file system is not at rest: refuse it, or copy every byte of it',
  },
  ...overrideOptions,
} as const satisfies Record<string, Options>;

/** Adds the command to the command line. */
export function addInitCommand(yargs: Argv): Argv {
  return yargs.command(
    'init',
    'Seed targets: copy what the source uses, and nothing less',
    (command) =>
      command
        .options(volumeOptions)
        .options(identificationOptions)
        .options(copyOptions)
        .options(onlineOptions)
        .options(speedOptions)
        .options(resumeOptions)
        .options(safetyOptions)
        .alias('yes', 'y')
        .options(outputOptions)
        .example('$0 init --src /dev/sda2 --dst /dev/sdb2', 'Seed a partition')
        .example(
          '$0 init --src /dev/vg0/data --dst copy.img --verify',
          'Into a sparse file, read back',
        )
        .example(
          '$0 init --src /dev/sda2 --dst /dev/sdb2 --online',
          'While it is mounted: a point in time',
        )
        .example('$0 init --src a.img --dst b.img --dst c.img', 'Two targets, one reading')
        .example('$0 init --src /dev/sda2 --dst /dev/sdb2 --dry-run', 'Say what it would do'),
    (args) => runCommand('init', args, (context) => context.stalls.bound(init(args, context))),
  );
}

type InitArguments = InferredOptionTypes<
  typeof volumeOptions &
    typeof identificationOptions &
    typeof copyOptions &
    typeof onlineOptions &
    typeof speedOptions &
    typeof resumeOptions &
    typeof safetyOptions
>;

async function init(args: InitArguments, context: Context): Promise<Outcome> {
  const options = seedOptions(args);
  const rescueMap = args['rescue-map'];
  if (rescueMap !== undefined && !args.rescue) throw usage('--rescue-map goes with --rescue');
  if (rescueMap !== undefined) await checkOverwritable(rescueMap, '# Mapfile.');
  const map = await identification(args);
  const online = onlineFrom(args);
  refuseRemote('init', [args.src, ...args.dst]);
  const request = {
    source: args.src,
    targets: args.dst,
    map,
    logDevice: args['log-device'],
    dirty: args.dirty,
    overrides: overridesFrom(args),
    stateDirectory: options.stateDirectory,
    ...context,
  };
  if (args.online && !args['dry-run']) {
    return initOnline({ request, options, online, map, rescueMap }, context);
  }
  // A dry run freezes nothing: of a mounted source it maps what the device shows just then.
  await using prepared = await (args.online ? previewOnlineSeed(request) : prepareSeed(request));
  for (const note of prepared.map.notes) context.reporter.report({ type: 'note', ...note });
  if (args['dry-run']) return describePlan(prepared, options);
  await resolveRefusals(await refusalsOf(prepared, options));
  await using opened = await prepared.openTargets();
  const { source, sourceMayChange, plan } = prepared;
  const { partitions = [] } = prepared.map;
  const { targets } = opened;
  const startedMs = performance.now();
  const run = {
    source,
    sourceMayChange,
    follow: null,
    targets,
    plan,
    partitions,
    options,
    ...context,
  };
  const result = await seed(run);
  const seconds = (performance.now() - startedMs) / 1000;
  const subject = { source, targets, map: prepared.map, plan };
  const outcome = describeSeed(subject, options, result, seconds);
  if (rescueMap === undefined) return outcome;
  const bad = ddrescueMap(result.badRanges, prepared.map.deviceBytes);
  return await withFile(outcome, context.reporter, () => writePieces(rescueMap, bad));
}

/** A target that this very command left whole but for a few ranges is not overwritten by going on. */
async function refusalsOf(prepared: PreparedSeed, options: SeedOptions) {
  const isOwn = ({ code }: Refusal) => code === 'TARGET_HAS_DATA';
  const { refusals } = prepared;
  if (!refusals.some(isOwn) || !(await isRetry(prepared, options))) return refusals;
  return refusals.filter((refusal) => !isOwn(refusal));
}

function seedOptions(args: InitArguments): SeedOptions {
  return {
    free: args.free,
    compare: args.compare,
    verify: args.verify,
    rescue: args.rescue,
    resume: args.resume,
    checkpointEveryMs: checkCount('checkpoint-interval', args['checkpoint-interval'], 10, dayMs),
    stateDirectory: stateDirectory(args['state-dir']),
    ioOptions: ioOptionsFrom(args),
  };
}
