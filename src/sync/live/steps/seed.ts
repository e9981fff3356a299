/** Copies what is in use directly onto the target, which has no signature until it is complete. */

import { copy } from '../../../engine/index.js';
import { clip, union } from '../../../region/index.js';
import type { Volume } from '../../../volume/index.js';
import { planCopy } from '../../plan.js';
import { layoutOf, wipeOldSignatures } from '../../stray-signatures.js';
import {
  headerBytes,
  invalidate,
  isUnfinished,
  signatureAreaBytes,
} from '../../target-header/index.js';
import { watchJob } from '../../watch-job.js';
import { abortOf } from '../journal.js';
import type { CommittedEpoch, StepContext } from './context.js';
import type { Sink, Stager } from './stage.js';

/**
 * Resolves when everything but the signature area is on the target, and the signature area in the
 * journal. Rejects as Stager.stage().
 */
export async function seedTarget(
  context: StepContext,
  stager: Stager,
  volume: Volume,
): Promise<CommittedEpoch> {
  const { replicationSource, journal, store, runId, dirty, notes } = context;
  const { sizeBytes } = replicationSource.volume.identity;
  const { generation } = replicationSource.writes;
  await journal.reset();
  const compare = await isUnfinished(volume);
  // The record with the run's ID is saved before the stamp is written: the next run recognises the
  // target by both.
  await store.save({ runId });
  await invalidate(volume, runId, headerBytes);
  const map = await replicationSource.map();
  const { body, header, free } = planCopy(map.ranges, sizeBytes);
  notes.wiped(await wipeOldSignatures(volume, { ...layoutOf(map), free }));
  dirty.add(union(body, header));
  const sink = targetSink(context, volume, compare ? 'compare' : 'write');
  return stager.stage({ volume, sink, generation });
}

/** `compare`: another run has begun already, so equal data need not be written. */
function targetSink(
  { replicationSource, notes }: StepContext,
  volume: Volume,
  mode: 'write' | 'compare',
): Sink {
  const { endpoint: source, identity } = replicationSource.volume;
  return {
    progress: () => notes.progress('seeding'),
    write: async (extents, ioOptions, watch) => {
      const body = clip(extents, signatureAreaBytes, identity.sizeBytes);
      if (body.length === 0) return;
      const request = { ...ioOptions, source, extents: body, compare: mode === 'compare' };
      const { cancelled } = await volume.lend((target) =>
        watchJob(copy({ ...request, targets: [target] }), watch),
      );
      if (cancelled) throw abortOf(watch.signal);
    },
  };
}
