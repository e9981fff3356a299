/** What `fastsync track` does. */

import { exitCodes, FastsyncError } from '../../errors.js';
import { writtenFormats } from '../../region/formats/index.js';
import { formatBytes, writtenJson, type WrittenRanges, writtenText } from '../../report/index.js';
import {
  drainPinned,
  listPinned,
  peekPinned,
  pinTracker,
  stopPinned,
} from '../../tracker/index.js';
import { openVolume } from '../../volume/index.js';
import { print } from '../print.js';
import { type Context, type Outcome, runCommand } from '../run.js';
import type { DrainArguments, ListArguments, StartArguments, StopArguments } from './options.js';
import { parseGranularity } from '../values.js';

export function runStart(args: StartArguments): Promise<void> {
  return runCommand('track start', args, () => start(args));
}

/** The ranges themselves are the output: a summary would stand in the way. */
export function runDrain(args: DrainArguments): Promise<void> {
  return runCommand('track drain', { json: false, quiet: true }, (context) => drain(args, context));
}

export function runStop(args: StopArguments): Promise<void> {
  return runCommand('track stop', args, () => stop(args));
}

export function runList(args: ListArguments): Promise<void> {
  return runCommand('track list', args, list);
}

async function start(args: StartArguments): Promise<Outcome> {
  const wanted = parseGranularity(args.granularity);
  await using opened = await openVolume(args.volume);
  const tracker = await pinTracker(opened, { granularityBytes: wanted });
  const { granularityBytes, memoryBytes } = tracker;
  return {
    outcome: 'done',
    exitCode: exitCodes.done,
    facts: [
      ['tracking', `${args.volume}, granularity ${formatBytes(granularityBytes)}`],
      ['memory', `${formatBytes(memoryBytes)} of kernel memory`],
    ],
    figures: { volume: args.volume, granularityBytes, memoryBytes },
  };
}

async function drain(args: DrainArguments, { reporter }: Context): Promise<Outcome> {
  const act = args.peek ? peekPinned : drainPinned;
  const missed = await act(args.volume, async (drained, tracker) => {
    const written = { ...tracker, ...drained, path: args.volume };
    if (!(await print(process.stdout, piecesOf(args.format, written)))) throw notPrinted();
    return drained.missed;
  });
  if (missed === null) return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
  const message = `the tracker may have missed writes: ${missed}; restart it, then compare the used ranges once`;
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
    message: 'the output was not read to its end; nothing was cleared',
    remedy: 'drain again: it prints the same ranges and those written since',
  });
}

async function stop(args: StopArguments): Promise<Outcome> {
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
    const state = missed === null ? '' : `; it may have missed writes: ${missed}`;
    return [path, `${formatBytes(dirtyBytes)} written, started ${startedAt}${state}`] as const;
  });
  return {
    outcome: 'done',
    exitCode: exitCodes.done,
    facts: facts.length > 0 ? facts : [['trackers', 'none']],
    figures: { trackers },
  };
}
