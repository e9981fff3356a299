/** What `fastsync init` does. */

import { ddrescueMap } from '../../region/formats/index.js';
import {
  isRetry,
  type PreparedSeed,
  prepareSeed,
  previewOnlineSeed,
  seed,
  type SeedOptions,
  stateDirectory,
} from '../../sync/index.js';
import type { Refusal } from '../../volume/index.js';
import { resolveRefusals } from '../confirm.js';
import type { InitArguments } from './options.js';
import { initOnline, onlineFrom } from './online.js';
import { describePlan, describeSeed } from './summary.js';
import { accessFrom } from '../remote.js';
import { checkOverwritable, writePieces } from '../print.js';
import { type Context, type Outcome, runCommand, withFile } from '../run.js';
import { identification, ioOptionsFrom, overridesFrom } from '../shared-arguments.js';
import { checkCount, parseDuration, usage } from '../values.js';
import { retryLostLinks } from './link-retry.js';

const dayMs = 24 * 60 * 60 * 1000;

export function runInit(args: InitArguments): Promise<void> {
  return runCommand('init', args, (context) => {
    const limitMs = retryLimit(args['retry-for']);
    return context.stalls.bound(retryLostLinks(limitMs, context, () => init(args, context)));
  });
}

function retryLimit(text: string): number {
  return text === '0' ? 0 : parseDuration('retry-for', text);
}

async function init(args: InitArguments, context: Context): Promise<Outcome> {
  const options = seedOptions(args);
  const rescueMap = args['rescue-map'];
  if (rescueMap !== undefined && !args.rescue) throw usage('--rescue-map requires --rescue');
  if (rescueMap !== undefined) await checkOverwritable(rescueMap, '# Mapfile.');
  const map = await identification(args);
  const online = onlineFrom(args);
  const request = {
    source: args.src,
    targets: args.dst,
    map,
    logDevice: args['log-device'],
    dirty: args.dirty,
    overrides: overridesFrom(args),
    stateDirectory: options.stateDirectory,
    remote: accessFrom(args, args.src),
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
