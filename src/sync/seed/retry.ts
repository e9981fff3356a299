/**
 * Whether a run would only fill unreadable ranges of its own published targets, so that it overwrites no
 * other data.
 */

import { openVolume, type Volume } from '../../volume/index.js';
import { CheckpointFile } from './checkpoint.js';
import type { PreparedSeed } from './prepare.js';
import { decideResumption } from './resume.js';
import type { SeedOptions } from './seed-run.js';

/** Only reads. */
export async function isRetry(
  { source, targets, plan }: PreparedSeed,
  options: Pick<SeedOptions, 'resume' | 'verify' | 'stateDirectory'>,
): Promise<boolean> {
  const names = targets.flatMap(({ facts }) => (facts === null ? [] : [facts.identity.stableId]));
  if (!options.resume || names.length < targets.length) return false;
  const file = new CheckpointFile(options.stateDirectory, source.identity.stableId, names);
  const checkpoint = await file.load();
  if (checkpoint?.published === undefined) return false;
  const opened: Volume[] = [];
  try {
    for (const { path } of targets) opened.push(await openVolume(path));
    const resumption = await decideResumption({
      checkpoint,
      source,
      targets: opened,
      writeCounter: (await source.writeCounter()).value,
      workList: plan.body,
      verify: options.verify,
      mayRetry: true,
    });
    return resumption.kind === 'retry';
  } finally {
    for (const volume of opened) await volume.close();
  }
}
