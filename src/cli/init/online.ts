/** What `fastsync init --online` does: from the options of a source that stays mounted to the run. */

import type { MapOptions } from '../../../fsparsers/index.js';
import { ddrescueMap } from '../../region/formats/index.js';
import {
  type OnlineOptions,
  prepareOnlineSeed,
  type SeedRequest,
  seedOnline,
  type SeedOptions,
  mustNotFreezePaths,
} from '../../sync/index.js';
import { resolveRefusals } from '../confirm.js';
import type { OnlineArguments } from './options.js';
import { describeSeed } from './summary.js';
import { writePieces } from '../print.js';
import { type Context, type Outcome, withFile } from '../run.js';
import { hooksFrom } from '../shared-arguments.js';
import { checkCount, parseFreeze, parseGranularity } from '../values.js';

/** The options as sync/ takes them. Throws a usage error that names the option. */
export function onlineFrom(args: OnlineArguments): OnlineOptions {
  const granularity = args.granularity;
  return {
    maxFreezeMs: parseFreeze(args['max-freeze']),
    maxRounds: checkCount('rounds', args.rounds, 1, 1000),
    cutover: args.cutover,
    granularityBytes: granularity === undefined ? null : parseGranularity(granularity),
    hooks: hooksFrom(args),
  };
}

export interface OnlineSeed {
  readonly request: SeedRequest;
  readonly options: SeedOptions;
  readonly online: OnlineOptions;
  readonly map: MapOptions;
  readonly rescueMap: string | undefined;
}

/** From the first look to the summary. */
export async function initOnline(
  { request, options, online, map, rescueMap }: OnlineSeed,
  context: Context,
): Promise<Outcome> {
  const { reporter } = context;
  const mustNotFreeze = mustNotFreezePaths(options.stateDirectory, request.targets, [rescueMap]);
  const { dirty } = request;
  await using prepared = await prepareOnlineSeed(request, { ...online, mustNotFreeze });
  for (const note of prepared.map.notes) reporter.report({ type: 'note', ...note });
  await resolveRefusals(prepared.refusals);
  await using opened = await prepared.openTargets();
  const { source, mapped: begun } = prepared;
  const { targets } = opened;
  const startedMs = performance.now();
  const run = { source, targets, options, begun, map, dirty, online, mustNotFreeze, ...context };
  const result = await seedOnline(run);
  const seconds = (performance.now() - startedMs) / 1000;
  const subject = { source, targets, map: result.map, plan: result.plan };
  const outcome = describeSeed(subject, options, result.seed, seconds, result);
  if (rescueMap === undefined) return outcome;
  const bad = ddrescueMap(result.seed.badRanges, result.map.deviceBytes);
  return await withFile(outcome, reporter, () => writePieces(rescueMap, bad));
}
