/** Applies a committed epoch to the target, and records that. */

import type { UsedMap } from '../../../../fsparsers/index.js';
import { totalBytes } from '../../../region/index.js';
import type { Volume } from '../../../volume/index.js';
import { applyEpoch } from '../apply.js';
import type { CommitRecord } from '../commit-record.js';
import { wipeOldSignatures } from '../old-signatures.js';
import { signatureAreaDigest } from '../../target-header/index.js';
import type { CommittedEpoch, StepContext } from './context.js';

/** Rejects as the engine's jobs and the files do; the epoch is then applied again. */
export async function applyCommitted(
  { journal, store, ioOptions }: StepContext,
  volume: Volume,
  { record }: CommittedEpoch,
): Promise<void> {
  // Cannot be interrupted: half an epoch is of no use.
  await applyEpoch(journal, record, volume, { ioOptions: { ...ioOptions, bytesPerSecond: 0 } });
  // The commit record is kept until the replica's record is saved; after a crash the epoch is
  // applied again.
  await store.save({
    epoch: record.epoch,
    consistentAt: record.frozenAt,
    signatureArea: await signatureAreaDigest(volume.reader),
  });
  await journal.reset();
}

/** Wipes old signatures from the target, using the map that it was compared with before the epoch. */
export async function wipeCompared(
  { replicationSource, notes }: StepContext,
  volume: Volume,
  map: UsedMap,
  { extents }: CommitRecord,
): Promise<void> {
  const written = Float64Array.from(extents);
  notes.wiped(await wipeOldSignatures(volume, replicationSource.volume, map, written));
}

/** Reports an epoch that has been applied. */
export function reportEpoch({ notes }: StepContext, { record, waitedMs }: CommittedEpoch): void {
  notes.epoch({
    epoch: record.epoch,
    bytes: totalBytes(Float64Array.from(record.extents)),
    heldMs: waitedMs,
    consistentAt: new Date(record.frozenAt).toISOString(),
  });
}
