/** `fastsync track`: the write tracker alone, for scripts. */

import type { Argv, InferredOptionTypes, Options } from 'yargs';
import { exitCodes, FastsyncError } from '../errors.js';
import { type FormatName, writtenFormats } from '../region/formats/index.js';
import { formatBytes, writtenJson, type WrittenRanges, writtenText } from '../report/index.js';
import { drainPinned, listPinned, peekPinned, pinTracker, stopPinned } from '../tracker/index.js';
import { openVolume } from '../volume/index.js';
import { outputOptions } from './options.js';
import { print } from './print.js';
import { type Context, type Outcome, runCommand } from './run.js';
import { parseGranularity } from './values.js';

const volume = {
  type: 'string',
  demandOption: true,
  describe: 'A block device, partition or logical volume, or the image file of a loop device',
} as const;

const startOptions = {
  granularity: {
    type: 'string',
    default: '64K',
    describe: 'What one mark stands for: a power of two from 4K to 1G',
  },
} as const satisfies Record<string, Options>;

const drainOptions = {
  format: {
    choices: ['text', 'json', ...(Object.keys(writtenFormats) as Exclude<FormatName, 'json'>[])],
    default: 'text',
    describe: 'How to print it: for people, or for another tool',
  },
  peek: { type: 'boolean', default: false, describe: 'Print it, and leave it for the next drain' },
} as const satisfies Record<string, Options>;

/** Adds the command to the command line. */
export function addTrackCommand(yargs: Argv): Argv {
  return yargs.command('track', 'Track what is written to a volume while it is in use', (command) =>
    command
      .command(
        'start <volume>',
        'Mark every write from now on, until it is stopped or the machine restarts',
        (start) => start.positional('volume', volume).options(startOptions).options(outputOptions),
        (args) => runCommand('track start', args, () => start(args)),
      )
      .command(
        'drain <volume>',
        'Print what was written since the last drain, and clear it when it is printed',
        (drain) =>
          drain
            .positional('volume', volume)
            .options(drainOptions)
            .example('$0 track drain /dev/vg0/data --format json', 'For a script')
            .example('$0 track drain /dev/sda2 --format ddrescue --peek', 'A domain for ddrescue'),
        (args) =>
          // The ranges themselves are the output: a summary would stand in the way.
          runCommand('track drain', { json: false, quiet: true }, (context) =>
            drain(args, context),
          ),
      )
      .command(
        'stop <volume>',
        'End the tracking',
        (stop) => stop.positional('volume', volume).options(outputOptions),
        (args) => runCommand('track stop', args, () => stop(args)),
      )
      .command(
        'list',
        'Show the trackers that run on this machine',
        (list) => list.options(outputOptions),
        (args) => runCommand('track list', args, list),
      )
      .demandCommand(1, 'Name what to do: start, drain, stop or list.'),
  );
}

async function start(
  args: { readonly volume: string } & InferredOptionTypes<typeof startOptions>,
): Promise<Outcome> {
  const wanted = parseGranularity(args.granularity);
  await using opened = await openVolume(args.volume);
  const tracker = await pinTracker(opened, { granularityBytes: wanted });
  const { granularityBytes, memoryBytes } = tracker;
  return {
    outcome: 'done',
    exitCode: exitCodes.done,
    facts: [
      ['tracking', `${args.volume}, in steps of ${formatBytes(granularityBytes)}`],
      ['memory', `${formatBytes(memoryBytes)} of the kernel's`],
    ],
    figures: { volume: args.volume, granularityBytes, memoryBytes },
  };
}

async function drain(
  args: { readonly volume: string } & InferredOptionTypes<typeof drainOptions>,
  { reporter }: Context,
): Promise<Outcome> {
  const act = args.peek ? peekPinned : drainPinned;
  const missed = await act(args.volume, async (drained, tracker) => {
    const written = { ...tracker, ...drained, path: args.volume };
    if (!(await print(process.stdout, piecesOf(args.format, written)))) throw notPrinted();
    return drained.missed;
  });
  if (missed === null) return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
  const message = `writes may have been missed: ${missed}; compare what is used, once, and start the tracker anew before that`;
  reporter.report({ type: 'note', severity: 'warning', code: 'WRITES_MISSED', message });
  return { outcome: 'incomplete', exitCode: exitCodes.incomplete, facts: [], figures: {} };
}

function piecesOf(format: string, written: WrittenRanges): Iterable<string> {
  const device = { path: written.path, bytes: written.sizeBytes };
  if (format === 'text') return writtenText(written);
  if (format === 'json') return writtenJson(written);
  return writtenFormats[format as keyof typeof writtenFormats](written.dirty, device);
}

function notPrinted(): FastsyncError {
  return new FastsyncError({
    code: 'OUTPUT_LOST',
    exitCode: exitCodes.incomplete,
    message: 'nobody read the output to its end: nothing was cleared',
    remedy: 'drain again: it gives the same ranges, and what is written meanwhile',
  });
}

async function stop(args: { readonly volume: string }): Promise<Outcome> {
  await stopPinned(args.volume);
  return {
    outcome: 'done',
    exitCode: exitCodes.done,
    facts: [['stopped', args.volume]],
    figures: { volume: args.volume },
  };
}

async function list(): Promise<Outcome> {
  const trackers = await listPinned();
  const facts = trackers.map(({ path, dirtyBytes, startedAt, missed }) => {
    const state = missed === null ? '' : `; writes may have been missed: ${missed}`;
    return [path, `${formatBytes(dirtyBytes)} written, started ${startedAt}${state}`] as const;
  });
  return {
    outcome: 'done',
    exitCode: exitCodes.done,
    facts: facts.length > 0 ? facts : [['trackers', 'none']],
    figures: { trackers },
  };
}
