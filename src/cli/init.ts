/** `fastsync init`: seed targets from a source. */

import type { Argv, InferredOptionTypes, Options } from 'yargs';
import { mapVolume } from '../../fsparsers/index.js';
import { planCopy, seed, type SeedOptions, stateDirectory } from '../sync/index.js';
import { openVolume } from '../volume/index.js';
import { describeSeed } from './init-summary.js';
import { identification, identificationOptions, outputOptions } from './options.js';
import { type Context, type Outcome, runCommand } from './run.js';
import { checkCount, parseSize } from './values.js';

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
    describe: 'With --rescue: write the list as a ddrescue mapfile',
  },
} as const satisfies Record<string, Options>;

const speedOptions = {
  bwlimit: { type: 'string', group: 'Speed:', describe: 'Bytes per second at most: 50M' },
  backend: {
    choices: ['auto', 'uring', 'threads'],
    default: 'auto',
    group: 'Speed:',
    describe: 'io_uring, a pool of threads, or the first that the kernel allows',
  },
  'queue-depth': { type: 'number', default: 32, group: 'Speed:', describe: 'Requests at once' },
  chunk: { type: 'string', default: '1M', group: 'Speed:', describe: 'Largest request' },
  'in-flight': { type: 'string', default: '64M', group: 'Speed:', describe: 'Buffers at once' },
} as const satisfies Record<string, Options>;

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
    describe: 'Print the plan, write nothing',
  },
  yes: {
    alias: 'y',
    type: 'boolean',
    default: false,
    group: 'Safety:',
    describe: 'Overwrite a target that holds something, without asking',
  },
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
        .options(speedOptions)
        .options(resumeOptions)
        .options(safetyOptions)
        .options(outputOptions)
        .example('$0 init --src /dev/sda2 --dst /dev/sdb2', 'Seed a partition')
        .example(
          '$0 init --src /dev/vg0/data --dst copy.img --verify',
          'Into a sparse file, read back',
        )
        .example('$0 init --src a.img --dst b.img --dst c.img', 'Two targets, one reading')
        .example('$0 init --src /dev/sda2 --dst /dev/sdb2 --dry-run', 'Say what it would do'),
    (args) => runCommand('init', args, (context) => init(args, context)),
  );
}

type InitArguments = InferredOptionTypes<
  typeof volumeOptions &
    typeof identificationOptions &
    typeof copyOptions &
    typeof speedOptions &
    typeof resumeOptions &
    typeof safetyOptions
>;

async function init(args: InitArguments, { reporter, signal }: Context): Promise<Outcome> {
  const options = seedOptions(args);
  await using source = await openVolume(args.src);
  const map = await mapVolume(source.reader, { ...identification(args), signal });
  for (const note of map.notes) reporter.report({ type: 'note', ...note });
  const plan = planCopy(map.ranges, map.deviceBytes);
  const [first] = args.dst;
  await using target = await openVolume(first ?? '', { write: true });
  const startedMs = performance.now();
  const result = await seed({ source, targets: [target], plan, options, reporter, signal });
  const seconds = (performance.now() - startedMs) / 1000;
  return describeSeed({ source, targets: [target], map, plan }, options, result, seconds);
}

function seedOptions(args: InitArguments): SeedOptions {
  return {
    free: args.free,
    compare: args.compare,
    verify: args.verify,
    rescue: args.rescue,
    resume: args.resume,
    checkpointEveryMs: checkCount('checkpoint-interval', args['checkpoint-interval'], 10),
    stateDirectory: stateDirectory(args['state-dir']),
    effort: {
      backend: args.backend,
      queueDepth: checkCount('queue-depth', args['queue-depth'], 1),
      chunkBytes: parseSize('chunk', args.chunk),
      inFlightBytes: parseSize('in-flight', args['in-flight']),
      bytesPerSecond: args.bwlimit === undefined ? 0 : parseSize('bwlimit', args.bwlimit),
    },
  };
}
