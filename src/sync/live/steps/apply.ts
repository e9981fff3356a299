/** Brings a committed epoch onto the target, and says that it is there. */

import type { UsedMap } from '../../../../fsparsers/index.js';
import { totalBytes } from '../../../region/index.js';
import type { Volume } from '../../../volume/index.js';
import { applyEpoch } from '../apply.js';
import type { CommitRecord } from '../commit-record.js';
import { wipeFormerLife } from '../former-life.js';
import { signatureAreaDigest } from '../../target-header/index.js';
import type { CommittedEpoch, StepContext } from './context.js';

/** Rejects as the engine's jobs and the files do; the epoch then is applied again. */
export async function applyCommitted(
  { journal, store, ioOptions }: StepContext,
  volume: Volume,
  { record }: CommittedEpoch,
): Promise<void> {
  // Not to be interrupted: half of it is of no use to anybody.
  await applyEpoch(journal, record, volume, { ioOptions: { ...ioOptions, bytesPerSecond: 0 } });
  // Until it is known whose replica this is the commit record stands for it, and is applied again.
  await store.save({
    epoch: record.epoch,
    consistentAt: record.frozenAt,
    signatureArea: await signatureAreaDigest(volume.reader),
  });
  await journal.reset();
}

/** Wipes what is left of the target's former life, by the map that it was compared by before the epoch. */
export async function wipeCompared(
  { replicationSource, notes }: StepContext,
  volume: Volume,
  map: UsedMap,
  { extents }: CommitRecord,
): Promise<void> {
  const written = Float64Array.from(extents);
  notes.wiped(await wipeFormerLife(volume, replicationSource.volume, map, written));
}

/** Reports an epoch that is on the target. */
export function reportEpoch({ notes }: StepContext, { record, waitedMs }: CommittedEpoch): void {
  notes.epoch({
    epoch: record.epoch,
    bytes: totalBytes(Float64Array.from(record.extents)),
    heldMs: waitedMs,
    consistentAt: new Date(record.frozenAt).toISOString(),
  });
}
